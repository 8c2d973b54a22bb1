import { expect, test } from 'vitest';
import { createLogger } from './pino-logger.ts';

function capture(level: 'debug' | 'info' = 'info', secrets: string[] = []) {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    secrets,
    destination: { write: (line: string) => void lines.push(line) },
  });
  return { logger, lines, text: () => lines.join('') };
}

test('a line is one JSON object with level, time, message and fields', () => {
  const { logger, lines } = capture();
  logger.warn({ part: 'log', n: 1 }, 'slow');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'warn',
    msg: 'slow',
    part: 'log',
    n: 1,
    time: expect.stringMatching(/Z$/),
  });
});

test('lines below the level are not written', () => {
  const { logger, lines } = capture();
  logger.debug({}, 'detail');
  expect(lines).toEqual([]);
});

test('D-18 no secret is written, wherever it stands', () => {
  const { logger, text } = capture('info', ['hunter2-hunter2']);
  const key = 'rdev_0123456789abcdefghijABCDEFGHIJ12';
  const error = new Error(`cannot use ${key}`, { cause: new Error('hunter2-hunter2') });
  logger.error(
    {
      err: error,
      headers: { authorization: 'Basic c2VjcmV0', 'x-api-key': 'plain-one', cookie: 'a=cookie-one' },
    },
    'x',
  );
  const wake = 'dsw_WyJkZWZhdWx0Il0.mac-of-the-token';
  logger.info({ answer: `{"callback_token":"${wake}"}` }, `woken with ${wake}`);
  logger.info(
    { url: '/ws?token=tok-123&x=1', list: [{ ticket: 'tick-456' }], note: 'Bearer abc.def' },
    `with ${key}`,
  );
  logger.info({ deep: { a: { b: { c: { d: { e: { f: { password: 'deep-one' } } } } } } } }, 'deep');
  for (const secret of [
    key,
    'hunter2',
    'c2VjcmV0',
    'plain-one',
    'cookie-one',
    'tok-123',
    'tick-456',
    'abc.def',
    'deep-one',
    'WyJkZWZhdWx0Il0',
    'mac-of-the-token',
  ]) {
    expect(text(), secret).not.toContain(secret);
  }
  expect(text()).toContain('x=1');
});

test('D-18 an id that the server made is shortened, one that a caller chose is not', () => {
  const { logger, text } = capture();
  const id = 'cmd_0123456789abcdefghjkmnpqrstvwxyz';
  logger.info(
    { stream: `commands/${id}`, path: `/projects/p/events?stream_id=${id}`, other: 'commands/my-own-id' },
    `for ${id}`,
  );
  expect(text()).not.toContain(id);
  expect(text()).toContain('commands/cmd_012345…');
  expect(text()).toContain('commands/my-own-id');
});

test('what JSON cannot hold does not break a line', () => {
  const { logger, lines } = capture();
  const circle: Record<string, unknown> = { n: 1n, bytes: new Uint8Array(3) };
  circle['self'] = circle;
  logger.info({ circle }, 'odd');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ circle: { n: '1', bytes: '[3 bytes]' } });
});
