import { extname } from 'node:path';

/** Bytes; file systems take 255, and a number may be put in. */
const NAME_MAX = 200;

/**
 * The name of a file as a site gives it, made one that is only a name: no folder, no leading dot, nothing that a
 * terminal or a file system would take for more.
 */
export function safeName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const plain = last
    .toWellFormed()
    .normalize('NFC')
    // Control and format characters, among them those that turn the direction of writing.
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}:*?"<>|]/gu, '_')
    .replace(/^[.\s]+/, '')
    .trimEnd();
  return shorten(plain === '' ? 'download' : plain);
}

/** `file (2).txt` of `file.txt`; as it is for 0. */
export function withNumber(name: string, number: number): string {
  if (number === 0) return name;
  const extension = extname(name);
  return `${name.slice(0, name.length - extension.length)} (${number})${extension}`;
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= NAME_MAX) return name;
  const extension = Buffer.byteLength(extname(name)) <= 20 ? extname(name) : '';
  let stem = Array.from(name.slice(0, name.length - extension.length));
  while (Buffer.byteLength(stem.join('')) + Buffer.byteLength(extension) > NAME_MAX)
    stem = stem.slice(0, -Math.max(1, Math.ceil(stem.length / 16)));
  return `${stem.join('')}${extension}`;
}
