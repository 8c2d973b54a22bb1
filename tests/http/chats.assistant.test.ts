import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, makeChat, post as postTo } from '../support/chats.ts';
import { start } from '../support/commands.ts';
import { act, createComputer, startComputerServer } from '../support/computers.ts';
import { type Gate, makeGate } from '../support/gate.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { openStream } from '../support/sse-client.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('the assistant that comes with the server', () => {
  let site: Site;
  let server: TestServer;
  let gate: Gate;
  const ids: Record<string, string> = {};

  async function run(name: string, command: string): Promise<void> {
    const id = await start(server, command);
    ids[name] = id;
    await using stream = await openStream(server, `/v1/streams/commands/${id}?after=start`);
    await stream.event('complete');
  }

  async function answerTo(prompt: string, key?: string): Promise<string> {
    const made = await postTo(server, '/chats', {}, key === undefined ? {} : { key });
    const { id } = made.json<{ id: string }>();
    using asking = await ask(server, id, { prompt }, key === undefined ? {} : { key });
    await asking.ended;
    expect(asking.status).toBe(200);
    return asking.text;
  }

  /** Sessions as they happen: commands that pass, fail and go on, a browser, a conversation. */
  beforeAll(async () => {
    site = await startSite({
      '/orders': page('', '', 'document.title = "Open orders"'),
      '/invoice': page('', '', 'document.title = "Invoice 4711"'),
    });
    server = await startComputerServer(site);
    gate = await makeGate();
    await run('lint', 'echo "linting 12 files"; echo "no problems"');
    await run('lint again', 'echo "linting 12 files"; echo "no problems"');
    await run(
      'build',
      'echo compiling; echo "src/parse.c:42: error: expected identifier before numeric constant" >&2; echo "1 error generated"; exit 2',
    );
    await run(
      'migrate',
      'echo "migrating table users"; echo "migrating table orders"; echo "connection refused by db-7:5432"; echo "giving up"; exit 1 # migrate.sh',
    );
    await run('killed', 'echo "eating memory"; kill -KILL $$ # hungry.py');
    await run(
      'test',
      'for i in 1 2 3 4 5 6; do echo "ok $i - case number $i"; done; echo "all tests passed" # npm test',
    );
    await using computer = await createComputer(server);
    await act(server, computer.id, 'navigate', { url: `${site.url}/orders` });
    await act(server, computer.id, 'navigate', { url: `${site.url}/invoice` });
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'The launch code word is rhubarb, please remember.' });
    await asking.ended;
    ids['watch'] = await start(server, `echo "watching for changes"; ${gate.wait} # watch.sh`);
    await until(
      async () => /watch\.sh/.test(await answerTo('What is running now?')),
      'the index to catch up',
    );
    await until(async () => /Invoice 4711/.test(await answerTo('Which pages were visited?')), 'the pages');
    await until(async () => /watching/.test(await answerTo('What did `watch.sh` print?')), 'the output');
  });
  afterAll(async () => {
    await gate?.[Symbol.asyncDispose]();
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  /** A question, what a right answer must say, and what would make it wrong. */
  const questions: readonly [prompt: string, right: readonly RegExp[], wrong?: RegExp][] = [
    ['What ran last?', [/watch\.sh/, /running/]],
    ['How did `npm test` end?', [/exited 0/, /my-project/], /exited [^0]/],
    ['Did migrate.sh succeed?', [/exited 1/, /connection refused/]],
    ['What failed?', [/hungry\.py/, /migrate\.sh/, /parse\.c:42/], /linting/],
    [
      'What failed and where?',
      [/src\/parse\.c:42: error: expected identifier/, /connection refused by db-7/],
    ],
    ['Why did the "1 error generated" command fail?', [/parse\.c:42/]],
    ['What is running now?', [/One command is running/, /watch\.sh/], /npm test/],
    ['Is anything still running?', [/watch\.sh/]],
    [
      "What did `migrate.sh` print around 'connection refused'?",
      [/migrating table orders\n/, /giving up/],
      /compiling/,
    ],
    ["What was printed around 'case number 4'?", [/case number 3\n.*case number 4\n.*case number 5/s]],
    ['Which command printed "eating memory"?', [/hungry\.py/]],
    ['Which pages were visited?', [/Open orders/, /Invoice 4711/, /\/orders/]],
    ['Which sites did we visit today?', [/2 pages/, /Invoice 4711/]],
    ['What did the user look at last?', [/Invoice 4711/, /\/invoice/], /Open orders/],
    ['How many times did `linting 12 files` run?', [/ran 2 times/, /0 of them failed/]],
    ['How long did `npm test` take?', [/after [\d.]+ m?s/, /npm test/]],
    ['How did hungry.py end?', [/signal/, /137/]],
    ['rhubarb', [/launch code word/, /message/]],
    ['What failed in the last minute about `linting 12 files`?', [/Nothing that failed/, /exited 0/]],
    ['When did the zeppelin land?', [/found nothing/], /exited/],
  ];

  test('answers at least 18 of 20 questions about recorded sessions', async () => {
    const wrong: string[] = [];
    for (const [prompt, right, never] of questions) {
      const answer = await answerTo(prompt);
      const isRight = right.every((one) => one.test(answer)) && never?.test(answer) !== true;
      if (!isRight) wrong.push(`${prompt}\n  ${answer}`);
    }
    expect(questions).toHaveLength(20);
    expect(questions.length - wrong.length, wrong.join('\n')).toBeGreaterThanOrEqual(18);
  });

  test('cites a stream and a position that hold what it says', async () => {
    const answer = await answerTo('Did migrate.sh succeed?');
    const [, stream, position] = /first failing line is .*?\[(\S+) @ (\S+)\]/.exec(answer) ?? [];
    expect(stream).toBe(`commands/${ids['migrate']}`);
    const events = (await request(server, `/v1/streams/${stream}?after=start`)).json<{
      events: { position: string; data: { line?: string } }[];
    }>().events;
    expect(events.find((event) => event.position === position)?.data.line).toBe(
      'connection refused by db-7:5432',
    );
  });

  test('says what it is', async () => {
    expect(await answerTo('Who are you?')).toMatch(/not a language model/);
    expect(await answerTo('How did `npm test` end?')).toMatch(/no language model/);
  });

  test('tells nobody what is another’s, and only what the key’s scopes allow', async () => {
    const stranger = await makeKey(server, { tenant: 'stranger', scopes: ['chats:write', 'streams:read'] });
    const narrow = await makeKey(server, { scopes: ['chats:write'] });
    const reader = await makeKey(server, { scopes: ['chats:write', 'projects:read'] });
    for (const prompt of [
      'What ran last?',
      'What failed?',
      'What is running now?',
      'rhubarb',
      'Which pages were visited?',
    ]) {
      expect(await answerTo(prompt, stranger)).toMatch(/found nothing/);
    }
    expect(await answerTo('What ran last?', narrow)).toMatch(/found nothing/);
    expect(await answerTo('What ran last?', reader)).toMatch(/watch\.sh/);
    expect(await answerTo('Which pages were visited?', reader)).toMatch(/found nothing/);
  });

  test('a user’s conversation is found by that user alone', async () => {
    const ann = await makeKey(server, { user_id: 'ann', scopes: ['chats:write'] });
    const bob = await makeKey(server, { user_id: 'bob', scopes: ['chats:write'] });
    await answerTo('My locker is number kumquat-9.', ann);
    await until(async () => /locker/.test(await answerTo('kumquat', ann)), 'it to be found');
    expect(await answerTo('kumquat', bob)).toMatch(/found nothing/);
  });

  test('what was asked and answered before is no evidence', async () => {
    for (let i = 0; i < 8; i++) await answerTo('persimmon');
    await answerTo('My boat is called Persimmon Two.');
    await until(async () => /boat is called/.test(await answerTo('persimmon')), 'it to be found');
    const answer = await answerTo('persimmon');
    expect(answer.match(/^- /gm)).toHaveLength(1);
  });

  test('what was deleted is found no more', async () => {
    const made = await postTo(server, '/chats', {});
    const { id } = made.json<{ id: string }>();
    using asking = await ask(server, id, { prompt: 'A word like gooseberry' });
    await asking.ended;
    await until(async () => /A word like/.test(await answerTo('gooseberry')), 'it to be found');
    await request(server, `/chats/${id}`, { method: 'DELETE' });
    expect(await answerTo('gooseberry')).not.toMatch(/A word like/);
  });
});
