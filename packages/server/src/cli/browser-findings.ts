import { spawnSync } from 'node:child_process';
import { inspectBrowser } from '../server.ts';
import type { Finding } from './findings.ts';
import type { Io } from './io.ts';

/** The browser that computers are made of, and whether its own sandbox confines the pages in it. */
export async function browserFindings(io: Io): Promise<readonly Finding[]> {
  const set = io.env['PLAYHEAD_BROWSER_SANDBOX'];
  const { program, sandbox } = await inspectBrowser({
    wanted: io.env['PLAYHEAD_BROWSER'],
    path: io.env['PATH'] ?? '',
    sandbox: set === 'on' || set === 'off' ? set : 'auto',
  });
  if (program === null || sandbox === null) {
    return [
      {
        what: 'browser',
        state: 'absent',
        detail: 'not found; needed for computers',
        remedy: 'Install Chromium or Chrome, or name it in PLAYHEAD_BROWSER.',
      },
    ];
  }
  const browser: Finding = { what: 'browser', state: 'ok', detail: described(program) };
  if (sandbox.kind === 'on')
    return [browser, { what: 'its sandbox', state: 'ok', detail: 'pages are confined' }];
  return [
    browser,
    {
      what: 'its sandbox',
      state: 'absent',
      detail: `pages are not confined by the browser: ${sandbox.reason}`,
      remedy: 'Run the server as a user that is not root and may make user namespaces.',
    },
  ];
}

function described(program: string): string {
  if (program === 'packed') return 'the one that comes along';
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = (stdout ?? '').split('\n')[0]?.trim() ?? '';
  return version === '' ? program : `${program} (${version.slice(0, 60)})`;
}
