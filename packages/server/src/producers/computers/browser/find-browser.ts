import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { isProgram } from '../../../runtime/is-program.ts';
import { type Packed, packedBrowser } from './packed-browser.ts';

/** Which program browsers are made of. */
export type BrowserFound =
  | {
      readonly kind: 'found';
      /** Absolute. */
      readonly program: string;
      readonly source: 'setting' | 'path' | 'packed';
      /** What it needs in its environment, besides what all do. */
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'none'; readonly detail: string };

export interface FindBrowserOptions {
  /** The setting: a program's name or path; `packed` for the one that comes with the server. */
  readonly wanted: string | undefined;
  /** PATH. */
  readonly path: string;
  /** Absolute: where the packed one is unpacked. */
  readonly cache: string;
}

/** The setting's value that means the packed browser, whatever else there is. */
export const PACKED = 'packed';

const NAMES = ['google-chrome-stable', 'google-chrome', 'chrome', 'chromium', 'chromium-browser'];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The one that is set; else Chrome or Chromium as installed; else the packed one, unpacked if it is not yet. */
export async function findBrowser(options: FindBrowserOptions): Promise<BrowserFound> {
  const { wanted, cache } = options;
  if (wanted === PACKED) return fromPackage(await packedBrowser(cache));
  const installed = await installedBrowser(options);
  if (installed !== undefined) return installed;
  if (wanted !== undefined)
    return {
      kind: 'none',
      detail: 'The program that PLAYHEAD_BROWSER names is not there, or may not be run.',
    };
  return fromPackage(await packedBrowser(cache));
}

/** As `findBrowser`, but for the packed one. Changes nothing. */
export async function installedBrowser({
  wanted,
  path,
}: Pick<FindBrowserOptions, 'wanted' | 'path'>): Promise<BrowserFound | undefined> {
  const source = wanted === undefined ? 'path' : 'setting';
  const folders = path.split(delimiter).filter(isAbsolute);
  const names = wanted === undefined ? NAMES : [wanted];
  const places = names.flatMap((name) =>
    name.includes('/') ? [resolve(name)] : folders.map((folder) => join(folder, name)),
  );
  for (const program of wanted === undefined ? [...places, ...APPLICATIONS] : places)
    if (await isProgram(program)) return { kind: 'found', program, source, env: {} };
  return undefined;
}

function fromPackage(packed: Packed): BrowserFound {
  if (packed.kind === 'failed') return { kind: 'none', detail: packed.detail };
  return { kind: 'found', program: packed.program, source: 'packed', env: packed.env };
}
