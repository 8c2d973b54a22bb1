import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { findGo } from '../support/optional.ts';
import { describeSample } from './sample-suite.ts';

const go = findGo();
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describeSample({
  name: 'Go with bufio.Scanner',
  missing: go.missing,
  reconnects: false,
  async program() {
    const folder = await mkdtemp(join(tmpdir(), 'playhead-go-'));
    folders.push(folder);
    const program = join(folder, 'client');
    // Only the standard library: nothing is fetched, no other toolchain either.
    const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
    const source = fileURLToPath(new URL('go/main.go', import.meta.url));
    await promisify(execFile)(go.path, ['build', '-o', program, source], { env });
    return [program];
  },
});
