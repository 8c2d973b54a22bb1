/** Whether a path is a folder or inside it; both absolute and normal. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}
