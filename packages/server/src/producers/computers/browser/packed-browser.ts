import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export type Packed =
  | { readonly kind: 'unpacked'; readonly program: string; readonly env: Readonly<Record<string, string>> }
  /** `detail`: a sentence for an operator. */
  | { readonly kind: 'failed'; readonly detail: string };

const PACKAGE = '@sparticuz/chromium';
/** It makes a file, not a process that would be in our way, and it makes it next to what it is asked for. */
const UNPACK = `import(process.argv[1]).then((unpacker) => unpacker.default.executablePath())`;
const UNPACK_MS = 120_000;
const READY = 'playhead.json';
const readySchema = z.object({ libraries: z.boolean() });

/**
 * The browser that comes with the server as a package: unpacked into a folder of its own once, and found there from
 * then on. Servers that do so at the same time do not see each other's halves: each unpacks beside, and the first to
 * be done puts its folder in place.
 */
export async function packedBrowser(cache: string): Promise<Packed> {
  try {
    const place = join(cache, `chromium-${await packageVersion()}`);
    if (!(await isReady(place))) await unpackInto(place);
    return { kind: 'unpacked', ...(await described(place)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      kind: 'failed',
      detail: `There is no Chrome or Chromium, and the packed one cannot be used: ${reason}`,
    };
  }
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(dirname(entry()), '..', 'package.json'), 'utf8');
  return z.object({ version: z.string().regex(/^[\w.-]+$/) }).parse(JSON.parse(text)).version;
}

function entry(): string {
  return fileURLToPath(import.meta.resolve(PACKAGE));
}

async function isReady(place: string): Promise<boolean> {
  return stat(join(place, READY)).then(
    () => true,
    () => false,
  );
}

async function unpackInto(place: string): Promise<void> {
  await mkdir(dirname(place), { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(`${place}.`);
  try {
    await run(process.execPath, ['-e', UNPACK, entry()], {
      TMPDIR: scratch,
      // Has it unpack the libraries too that a bare system lacks.
      AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x',
    });
    await writeFile(join(scratch, 'fonts.conf'), fontsConfiguration(place));
    const libraries = await needsLibraries(scratch);
    await writeFile(join(scratch, READY), JSON.stringify({ libraries }));
    await rename(scratch, place);
  } catch (error) {
    // Another server was faster.
    if (!(await isReady(place))) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await removeHalves(place);
  }
}

/** What servers left that were killed while they unpacked, long ago. */
async function removeHalves(place: string): Promise<void> {
  const folder = dirname(place);
  for (const name of await readdir(folder)) {
    const half = join(folder, name);
    if (!half.startsWith(`${place}.`)) continue;
    const found = await stat(half).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > 10 * UNPACK_MS)
      await rm(half, { recursive: true, force: true });
  }
}

async function described(place: string): Promise<{ program: string; env: Record<string, string> }> {
  const { libraries } = readySchema.parse(JSON.parse(await readFile(join(place, READY), 'utf8')));
  return {
    program: join(place, 'chromium'),
    env: {
      FONTCONFIG_FILE: join(place, 'fonts.conf'),
      ...(libraries ? { LD_LIBRARY_PATH: join(place, 'al2023', 'lib') } : {}),
    },
  };
}

/** Whether it runs only with the libraries that come with it. */
async function needsLibraries(folder: string): Promise<boolean> {
  const program = join(folder, 'chromium');
  try {
    await run(program, ['--version'], {});
    return false;
  } catch {
    // What is still missing with them, the error says.
    await run(program, ['--version'], { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') });
    return true;
  }
}

function fontsConfiguration(place: string): string {
  const escaped = place.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${escaped}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <cachedir>${escaped}/fonts-cache</cachedir>
</fontconfig>
`;
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { env: { ...env }, timeout: UNPACK_MS }, (error, _out, words) => {
      if (error === null) resolve();
      else reject(new Error(words.trim().split('\n').at(-1) ?? error.message, { cause: error }));
    });
  });
}
