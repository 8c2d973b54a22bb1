import type { ActionOutcome } from './action-result.ts';
import type { BrowserOutcome } from './browser-action.ts';
import type { Pictures } from './pictures.ts';

export interface KeepParts {
  readonly pictures: Pictures;
  /** A path as a caller reaches it from outside. */
  readonly publicUrl: (path: string) => string;
}

/** A picture of a page as an answer has it: the picture itself, or the address that opens it for a while. */
export async function keepPicture(
  { pictures, publicUrl }: KeepParts,
  computer: string,
  outcome: Extract<BrowserOutcome, { kind: 'screenshot' }>,
  base64: boolean,
): Promise<ActionOutcome> {
  const { tab, image, format, width, height, scale } = outcome;
  const about = { format, width, height, scale };
  const picture = base64
    ? { screenshot_base64: Buffer.from(image).toString('base64') }
    : { screenshot_url: publicUrl(await pictures.put(computer, image, format)) };
  // Whoever has the address has the picture, so the stream does not tell it.
  return { kind: 'done', tab, result: { ...picture, ...about }, told: { ...about, bytes: image.byteLength } };
}
