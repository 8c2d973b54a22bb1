import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { CdpFailure } from './cdp.ts';
import { type CdpConnection, connectCdp } from './cdp-connection.ts';

interface Wire {
  readonly connection: CdpConnection;
  /** What was sent to the browser, parsed. */
  readonly sent: { id: number; method: string; sessionId?: string }[];
  answer(message: object): void;
}

function wire(): Wire {
  const input = new PassThrough();
  const output = new PassThrough();
  const sent: Wire['sent'] = [];
  input.on('data', (piece: Buffer) => {
    for (const text of piece.toString().split('\0'))
      if (text !== '') sent.push(JSON.parse(text) as Wire['sent'][0]);
  });
  return {
    connection: connectCdp({ input, output }),
    sent,
    answer: (message) => void output.write(`${JSON.stringify(message)}\0`),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const SESSION = 'A'.repeat(32);

test('answers find their question, refusals and the end of a session are failures', async () => {
  const { connection, sent, answer } = wire();
  const version = connection.root.send('Browser.getVersion');
  const session = connection.session(SESSION);
  const refused = session.send('Page.enable').catch((error: unknown) => error);
  const gone = session.send('Page.reload').catch((error: unknown) => error);
  await turn();
  expect(sent.map(({ method, sessionId }) => [method, sessionId])).toEqual([
    ['Browser.getVersion', undefined],
    ['Page.enable', SESSION],
    ['Page.reload', SESSION],
  ]);
  answer({ id: 2, error: { code: -32000, message: 'no' }, sessionId: SESSION });
  answer({ id: 1, result: { product: 'Chrome' } });
  answer({ id: 99, result: {} });
  expect(await version).toEqual({ product: 'Chrome' });
  expect(await refused).toMatchObject({ reason: 'refused', message: 'no' });
  connection.drop(SESSION);
  expect(await gone).toMatchObject({ reason: 'gone' });
  await expect(session.send('Page.enable')).rejects.toBeInstanceOf(CdpFailure);
});

test('events go to their session, also those whose content names another', async () => {
  const { connection, answer } = wire();
  const heard: string[] = [];
  connection.root.on('Target.detachedFromTarget', ({ sessionId }) => heard.push(`root ${sessionId}`));
  const session = connection.session(SESSION);
  session.on('Target.detachedFromTarget', ({ sessionId }) => heard.push(`session ${sessionId}`));
  answer({ method: 'Target.detachedFromTarget', params: { targetId: '1', sessionId: SESSION } });
  answer({ method: 'Target.detachedFromTarget', params: { sessionId: 'B' }, sessionId: SESSION });
  answer({ method: 'Target.detachedFromTarget', params: { sessionId: 'C' }, sessionId: 'F'.repeat(32) });
  await turn();
  expect(heard).toEqual([`root ${SESSION}`, 'session B']);
});

test('what is not admitted is not parsed', async () => {
  const { connection, answer } = wire();
  const heard: unknown[] = [];
  let admitted = 1;
  connection.root.on(
    'Page.frameNavigated',
    (payload) => heard.push(payload),
    () => admitted-- > 0,
  );
  answer({ method: 'Page.frameNavigated', params: { n: 1 } });
  answer({ method: 'Page.frameNavigated', params: { n: 2 } });
  await turn();
  expect(heard).toEqual([{ n: 1 }]);
  connection.root.on('Page.frameNavigated', (payload) => heard.push(payload));
  answer({ method: 'Page.frameNavigated', params: { n: 3 } });
  await turn();
  connection.root.off('Page.frameNavigated');
  answer({ method: 'Page.frameNavigated', params: { n: 4 } });
  await turn();
  expect(heard).toEqual([{ n: 1 }, { n: 3 }]);
});

test('a closed pipe fails what waits and what comes', async () => {
  const { connection } = wire();
  const waiting = connection.root.send('Browser.getVersion').catch((error: unknown) => error);
  connection.close();
  await connection.closed;
  expect(await waiting).toMatchObject({ reason: 'gone' });
  await expect(connection.root.send('Browser.getVersion')).rejects.toMatchObject({ reason: 'gone' });
});
