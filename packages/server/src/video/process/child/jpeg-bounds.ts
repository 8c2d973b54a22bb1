/** What the markers of a JPEG say of it. */
export interface JpegBounds {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Whether it brings its own tables of codes; many webcams leave them out. */
  readonly tables: boolean;
}

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const DHT = 0xc4;

/** Undefined for what is no JPEG, or not all of one. Padding behind its end is allowed. */
export function jpegBounds(bytes: Buffer): JpegBounds | undefined {
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== SOI || !ends(bytes)) return undefined;
  let size: { readonly width: number; readonly height: number } | undefined;
  let tables = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] ?? 0;
    // Fill bytes.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === SOS) return size && { ...size, tables };
    if (marker === DHT) tables = true;
    // SOF0 to SOF15, but for the three among them that mean something else.
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc && at + 9 <= bytes.length)
      size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

function ends(bytes: Buffer): boolean {
  let at = bytes.length;
  while (at > 2 && bytes[at - 1] === 0) at--;
  return bytes[at - 2] === 0xff && bytes[at - 1] === EOI;
}
