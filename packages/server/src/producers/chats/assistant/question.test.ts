import { expect, test } from 'vitest';
import { understand } from './question.ts';

const HOUR = 3_600_000;

test.each([
  ['What ran last?', 'last-run', ''],
  ['What ran last and how did it end?', 'last-run', ''],
  ['How did `npm test` end?', 'last-run', 'npm test'],
  ['Did the build succeed?', 'last-run', 'build'],
  ['When did deploy.sh last run?', 'last-run', 'deploy.sh'],
  ['What failed?', 'failures', ''],
  ['What failed and where?', 'failures', ''],
  ['Were there any errors today?', 'failures', ''],
  ['What is running now?', 'running', ''],
  ["What's running?", 'running', ''],
  ['Is anything still running?', 'running', ''],
  ["What did `npm test` print around 'timeout'?", 'output', 'npm test'],
  ['Which command printed "connection refused"?', 'output', 'connection refused'],
  ['Which pages were visited?', 'pages', ''],
  ['Which sites did the browser open?', 'pages', ''],
  ['Which sites did we visit today?', 'pages', ''],
  ['What did the user look at last?', 'looked-at', ''],
  ['What was downloaded?', 'downloads', ''],
  ['How long did the migration take?', 'duration', 'migration'],
  ['How many times did `lint` run?', 'count', 'lint'],
  ['Who are you?', 'self', ''],
  ['What can you do?', 'self', ''],
  ['invoice 4711', 'search', 'invoice 4711'],
] as const)('%s', (text, intent, about) => {
  expect(understand(text)).toMatchObject({ intent, about });
});

test('a second quoted text is the phrase, and times bound what is meant', () => {
  expect(understand("What did `make all` print around 'error 2' in the last 3 hours?")).toEqual({
    intent: 'output',
    about: 'make all',
    quoted: true,
    phrase: 'error 2',
    within: 3 * HOUR,
  });
  expect(understand('What failed in the last hour?').within).toBe(HOUR);
  expect(understand('What failed today?').within).toBe(24 * HOUR);
  expect(understand('what failed').within).toBeUndefined();
});

test('an apostrophe quotes nothing', () => {
  expect(understand("What didn't Bob's build print?").quoted).toBe(false);
});
