/** What stands in a JPEG's headers. */
export interface JpegAbout {
  readonly width: number;
  readonly height: number;
}

/** Start-of-frame markers: all of C0 to CF but DHT, JPG and DAC. */
const FRAME_STARTS: ReadonlySet<number> = new Set([
  0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf,
]);

/** Bytes behind the end of the image that cameras are known to pad with. */
const PADDING = 64;

/**
 * Reads a JPEG's size from its markers; undefined for what is no whole JPEG. Its pixels are not decoded: what is inside
 * the markers is for whoever shows it.
 */
export function readJpeg(bytes: Uint8Array): JpegAbout | undefined {
  if (bytes.length < 16 || bytes[0] !== 0xff || bytes[1] !== 0xd8 || !endsWell(bytes)) return undefined;
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] ?? 0;
    // Fill bytes before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    if (FRAME_STARTS.has(marker)) {
      const height = ((bytes[at + 5] ?? 0) << 8) | (bytes[at + 6] ?? 0);
      const width = ((bytes[at + 7] ?? 0) << 8) | (bytes[at + 8] ?? 0);
      return length >= 8 && width > 0 && height > 0 ? { width, height } : undefined;
    }
    // Pixels before a frame header, or the end.
    if (marker === 0xda || marker === 0xd9 || length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}

function endsWell(bytes: Uint8Array): boolean {
  const last = Math.max(2, bytes.length - PADDING);
  for (let at = bytes.length - 2; at >= last; at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}
