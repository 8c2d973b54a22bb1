/** Whether what reads an entry of a list takes it, rather than throw a RangeError that names it. */
export function canRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
