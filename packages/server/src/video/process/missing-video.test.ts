import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { missingVideo } from './missing-video.ts';

test('where node-av is installed there is video', () => {
  expect(missingVideo()).toBeUndefined();
});

test('where it is not, a sentence says what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'playhead-missing-'));
  try {
    const copy = join(folder, 'missing-video.ts');
    copyFileSync(new URL('missing-video.ts', import.meta.url), copy);
    const elsewhere = (await import(pathToFileURL(copy).href)) as { missingVideo: typeof missingVideo };
    expect(elsewhere.missingVideo()).toMatch(/^Video needs .* `npm install node-av`/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
