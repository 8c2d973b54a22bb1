import { expect } from 'vitest';

/** A real command, and what a sample client must print of it. Every sample runs every case. */
export interface Case {
  readonly title: string;
  readonly command: string;
  readonly exitCode: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** The server splits this line (D-10), so its pieces are compared joined. */
  readonly split?: true;
}

const LONG = 200_000;

export const CASES: readonly Case[] = [
  {
    title: 'CM-31 success',
    command: 'echo hello; echo world',
    exitCode: 0,
    stdout: ['hello', 'world'],
    stderr: [],
  },
  {
    title: 'CM-31 a failing exit code',
    command: 'echo before; exit 3',
    exitCode: 3,
    stdout: ['before'],
    stderr: [],
  },
  {
    title: 'CM-7 stderr',
    command: 'echo good; echo bad >&2; exit 1',
    exitCode: 1,
    stdout: ['good'],
    stderr: ['bad'],
  },
  {
    title: 'CM-7 unicode, quotes and blanks',
    command: `echo 'Grüße, 世界 🌍'; echo; echo '  "quoted" \\ data: {}  '`,
    exitCode: 0,
    stdout: ['Grüße, 世界 🌍', '', '  "quoted" \\ data: {}  '],
    stderr: [],
  },
  {
    title: 'CM-16 a line over 64 KiB',
    command: `head -c ${LONG} /dev/zero | tr '\\0' x; echo; echo end`,
    exitCode: 0,
    stdout: [`${'x'.repeat(LONG)}end`],
    stderr: [],
    split: true,
  },
  {
    title: 'CM-9 death by a signal',
    command: 'echo last; kill -9 $$',
    exitCode: 137,
    stdout: ['last'],
    stderr: [],
  },
  {
    title: 'CM-8 an unfinished last line',
    command: 'printf "a\\nb"',
    exitCode: 0,
    stdout: ['a', 'b'],
    stderr: [],
  },
];

/** What a client printed: lines of `[stdout] …` and `[stderr] …`, then `Exit code: N`. */
export function expectPrinted(printed: string, expected: Case): void {
  const all = printed.split('\n');
  const of = (stream: string): string[] =>
    all.filter((line) => line.startsWith(`[${stream}] `)).map((line) => line.slice(stream.length + 3));
  const stdout = of('stdout');
  if (expected.split === true) expect(stdout.length).toBeGreaterThan(2);
  expect(expected.split === true ? [stdout.join('')] : stdout).toEqual(expected.stdout);
  expect(of('stderr')).toEqual(expected.stderr);
  expect(all).toContain(`Exit code: ${expected.exitCode}`);
}
