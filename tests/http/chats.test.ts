import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask, type ChatView, makeChat, post, readChat } from '../support/chats.ts';
import { makeKey } from '../support/keys.ts';
import { type ModelUpstream, type Script, startModelUpstream } from '../support/model-upstream.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openStream } from '../support/sse-client.ts';
import { within } from '../support/within.ts';

const KEY = 'sk-of-the-provider-that-nobody-may-see';

let upstream: ModelUpstream;
let server: TestServer;
let script: Script;

beforeAll(async () => {
  upstream = await startModelUpstream((say, asked, index) => script(say, asked, index));
  server = await startServer({
    env: {
      PLAYHEAD_CHAT_BASE_URL: upstream.url,
      PLAYHEAD_CHAT_MODEL: 'parrot-1',
      PLAYHEAD_CHAT_API_KEY: KEY,
      PLAYHEAD_CHAT_FIRST_MS: '400',
      PLAYHEAD_CHAT_STALL_MS: '1500',
    },
  });
});
afterAll(async () => {
  await server.stop();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  script = says('Based on', ' your session data,', ' the most effective', ' plays were…');
});

function says(...pieces: readonly string[]): Script {
  return (say) => {
    for (const piece of pieces) say.text(piece);
    say.end();
  };
}

/** Says something, then waits until it is told to go on. */
function pausing(first: string, then: string): { script: Script; goOn: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    goOn: resolve,
    async script(say) {
      say.text(first);
      await Promise.race([promise, say.closed]);
      say.text(then);
      say.end();
    },
  };
}

describe('the documented call', () => {
  test.each(['/chats', '/api/v1/actions/chats', '/v1/chats'])(
    'CC-1 CC-2 CC-3 CC-4 CC-5 CC-6 an answer at %s is chunks and one done, and the response ends',
    async (prefix) => {
      const chat = await makeChat(server, prefix);
      using asking = await ask(server, chat, { prompt: 'What worked?' }, { prefix });
      expect(asking.status).toBe(200);
      expect(asking.headers.get('content-type')).toMatch(/^text\/event-stream/);
      await asking.ended;
      expect(asking.text).toBe('Based on your session data, the most effective plays were…');
      expect(asking.events.filter(({ type }) => type === 'done')).toEqual([{ type: 'done' }]);
      expect(asking.events.at(-1)).toEqual({ type: 'done' });
      for (const line of asking.lines) expect(line).toMatch(/^(?:data: \{.*\}|: .*|)$/);
    },
  );

  test('CC-1 its preflight allows the document’s headers from any page', async () => {
    const answer = await request(server, '/chats/x/messages', {
      method: 'OPTIONS',
      key: null,
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-headers']?.toLowerCase()).toMatch(
      /authorization.*content-type/,
    );
  });

  test('CC-7 CC-8 D-13 long text comes in short events, cut at characters', async () => {
    const long = 'Ünï—cödé 👩‍👩‍👧 '.repeat(500);
    script = (say) => {
      // In pieces that cut surrogate pairs in two.
      for (let at = 0; at < long.length; at += 1_001) say.text(long.slice(at, at + 1_001));
      say.end();
    };
    using asking = await ask(server, await makeChat(server), { prompt: 'long' });
    await asking.ended;
    expect(asking.text).toBe(long);
    for (const line of asking.lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(1_024);
  });

  test('CC-7 CC-11 a reader that splits every read into lines and pauses loses nothing', async () => {
    const pieces = Array.from({ length: 2_000 }, (_, i) => `${i} `);
    script = says(...pieces);
    const chat = await makeChat(server);
    const response = await fetch(`${server.url}/chats/${chat}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'count' }),
    });
    const reader = (response.body ?? new ReadableStream()).getReader();
    const decoder = new TextDecoder();
    let content = '';
    for (let reads = 0; ; reads++) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const line of decoder.decode(value, { stream: true }).split('\n')) {
        if (!line.startsWith('data: ')) continue;
        try {
          const json = JSON.parse(line.slice(6)) as { type: string; text?: string };
          if (json.type === 'chunk') content += json.text ?? '';
        } catch {
          // As the document's client does: what does not parse is dropped.
        }
      }
      if (reads % 5 === 0) await new Promise((resolve) => setTimeout(resolve, (reads * 53) % 250));
    }
    expect(content).toBe(pieces.join(''));
  });

  test('CC-9 a model that thinks for long is told as comments, which clients skip', async () => {
    const paused = pausing('', 'at last');
    script = paused.script;
    using asking = await ask(server, await makeChat(server), { prompt: 'think' });
    await asking.until(({ lines }) => lines.some((line) => line.startsWith(':')), 'a comment');
    paused.goOn();
    await asking.ended;
    expect(asking.text).toBe('at last');
  });

  test('CC-10 an answer without a word is a failure, not an empty success', async () => {
    script = says();
    using asking = await ask(server, await makeChat(server), { prompt: 'silence' });
    expect(asking.status).toBe(502);
  });

  test('CC-12 the user’s message and then the assistant’s are in the chat when done was seen', async () => {
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'What worked?' });
    await asking.ended;
    const { messages, answer } = await readChat(server, chat);
    expect(messages.map(({ role, content }) => ({ role, content }))).toEqual([
      { role: 'user', content: 'What worked?' },
      { role: 'assistant', content: asking.text },
    ]);
    expect(answer).toBeNull();
    script = says('Yes.');
    using second = await ask(server, chat, { prompt: 'Again?' });
    await second.ended;
    expect(upstream.asked.at(-1)?.messages.slice(1)).toEqual([
      { role: 'user', content: 'What worked?' },
      { role: 'assistant', content: asking.text },
      { role: 'user', content: 'Again?' },
    ]);
  });

  test('CC-13 D-13 when its last reader leaves, the answer stops and the model is let go', async () => {
    const paused = pausing('so far', 'never said');
    script = paused.script;
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'talk' });
    await asking.until(({ text }) => text === 'so far', 'the first text');
    asking.leave();
    await within(upstream.abandoned, 'the model to be let go');
    const messages = await whenSaid(chat, 2);
    expect(messages.at(-1)).toMatchObject({ role: 'assistant', content: 'so far', ending: 'stopped' });
  });

  test.each([
    ['detach', '/chats', { prompt: 'talk', detach: true }],
    ['calls under /v1', '/v1/chats', { prompt: 'talk' }],
  ])('D-13 %s: the answer goes on without a reader', async (_, prefix, body) => {
    const paused = pausing('so far', ', and the rest');
    script = paused.script;
    const chat = await makeChat(server);
    using asking = await ask(server, chat, body, { prefix });
    await asking.until(({ text }) => text === 'so far', 'the first text');
    asking.leave();
    paused.goOn();
    const messages = await whenSaid(chat, 2);
    expect(messages.at(-1)).toMatchObject({ content: 'so far, and the rest', ending: 'completed' });
  });
});

async function whenSaid(chat: string, count: number): Promise<ChatView['messages']> {
  await using stream = await openStream(server, `/v1/streams/chats/${chat}?after=start`);
  let said = 0;
  await stream.frame(({ event }) => event === 'message' && ++said === count, `${count} messages`);
  return (await readChat(server, chat)).messages;
}

describe('answers that are shared', () => {
  test('F11 a second device sees the text so far at a position, then the rest, as the first does', async () => {
    const paused = pausing('so far', ', and the rest');
    script = paused.script;
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'talk' });
    await asking.until(({ text }) => text === 'so far', 'the first text');
    const { answer } = await readChat(server, chat);
    expect(answer?.text).toBe('so far');
    await using second = await openStream(server, `/v1/chats/${chat}/answer`);
    const snapshot = await second.event('snapshot');
    expect(JSON.parse(snapshot.data ?? '')).toMatchObject({ text: 'so far', position: snapshot.id });
    // And a third, which knows nothing but the stream and the position.
    await using third = await openStream(server, `/v1/streams/${answer?.stream}?after=${answer?.position}`);
    paused.goOn();
    expect(JSON.parse((await second.event('text')).data ?? '')).toEqual({ text: ', and the rest' });
    expect(JSON.parse((await second.event('done')).data ?? '')).toMatchObject({ ending: 'completed' });
    expect(JSON.parse((await third.event('text')).data ?? '')).toEqual({ text: ', and the rest' });
    await asking.ended;
  });

  test('F14 D-42 stop ends the answer for everybody, and is not leaving', async () => {
    const paused = pausing('so far', 'never said');
    script = paused.script;
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'talk' });
    await asking.until(({ text }) => text === 'so far', 'the first text');
    expect((await post(server, `/chats/${chat}/stop`, {})).json()).toEqual({ stopped: true });
    await asking.ended;
    expect(asking.events.at(-1)).toEqual({ type: 'done', ending: 'stopped' });
    expect((await readChat(server, chat)).messages.at(-1)).toMatchObject({
      content: 'so far',
      ending: 'stopped',
    });
    expect((await post(server, `/chats/${chat}/stop`, {})).json()).toEqual({ stopped: false });
  });

  test('D-13 a second question while one is being answered is 409, and the chat is intact', async () => {
    const paused = pausing('so far', '.');
    script = paused.script;
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'one' });
    await asking.until(({ text }) => text === 'so far', 'the first text');
    const refused = await post(server, `/chats/${chat}/messages`, { prompt: 'two' });
    expect(refused.status).toBe(409);
    paused.goOn();
    await asking.ended;
    expect((await readChat(server, chat)).messages.map(({ content }) => content)).toEqual(['one', 'so far.']);
  });

  test('F5 an answer that a killed server was giving is lost, with what was said kept', async () => {
    const paused = pausing('half of it', 'never said');
    script = paused.script;
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'talk' });
    await asking.until(({ text }) => text === 'half of it', 'the first text');
    await server.kill('SIGKILL');
    await server.restart();
    const { messages, answer } = await readChat(server, chat);
    expect(answer).toBeNull();
    expect(messages.at(-1)).toMatchObject({ role: 'assistant', content: 'half of it', ending: 'lost' });
    script = says('all of it');
    using again = await ask(server, chat, {}, { call: 'retry' });
    await again.ended;
    expect((await readChat(server, chat)).messages.map(({ content }) => content)).toEqual([
      'talk',
      'all of it',
    ]);
  });
});

describe('models that fail', () => {
  const failures: readonly [name: string, script: Script, status: number, reason: string][] = [
    ['takes no more questions', (say) => say.fail(429, { 'retry-after': '7' }), 429, 'rate-limited'],
    ['refuses the key', (say) => say.fail(401), 502, 'refused'],
    ['has an error', (say) => say.fail(500), 502, 'refused'],
    ['sends garbage', (say) => say.raw('data: {not json\n\n'), 502, 'garbage'],
    ['cuts the connection', (say) => say.cut(), 502, 'unreachable'],
  ];
  test.each(failures)(
    'D-42 one that %s before it begins is told as a status',
    async (_, how, status, reason) => {
      script = how;
      const chat = await makeChat(server);
      const answer = await post(server, `/chats/${chat}/messages`, { prompt: 'hello' });
      expect(answer.status).toBe(status);
      const { error } = answer.json<{ error: { code: string; message: string; reason: string } }>();
      expect(error.reason).toBe(reason);
      expect(answer.text).not.toContain('very-secret');
      if (status === 429) expect(answer.headers['retry-after']).toBe('7');
      // The question is kept, and can be asked again.
      script = says('hello');
      using again = await ask(server, chat, {}, { call: 'retry' });
      await again.ended;
      expect((await readChat(server, chat)).messages.map(({ content }) => content)).toEqual([
        'hello',
        'hello',
      ]);
    },
  );

  test.each<[string, Script, string]>([
    [
      'breaks off',
      (say) => {
        say.text('half');
        setTimeout(() => say.cut(), 50);
      },
      'cut',
    ],
    [
      'sends garbage',
      (say) => {
        say.text('half');
        say.raw('data: {no\n\n');
        say.end();
      },
      'garbage',
    ],
    ['says nothing more', (say) => say.text('half'), ''],
  ])(
    'D-42 one that %s in mid-answer is told as error and done; what was said stays',
    async (_, how, reason) => {
      script = how;
      const chat = await makeChat(server);
      using asking = await ask(server, chat, { prompt: 'hello' });
      await asking.ended;
      expect(asking.status).toBe(200);
      const [error, done] = asking.events.slice(-2);
      expect(error).toMatchObject({
        type: 'error',
        ...(reason === '' ? { code: 'upstream-timeout' } : { reason }),
      });
      expect(done).toEqual({ type: 'done', ending: 'failed' });
      expect((await readChat(server, chat)).messages.at(-1)).toMatchObject({
        content: 'half',
        ending: 'failed',
      });
    },
  );

  test('D-42 the key of the provider is in no answer, stream or log', async () => {
    script = (say) => say.fail(401);
    const chat = await makeChat(server);
    const answer = await post(server, `/chats/${chat}/messages`, { prompt: 'hello' });
    expect(upstream.asked.at(-1)?.authorization).toBe(`Bearer ${KEY}`);
    for (const text of [answer.text, server.stderr, server.stdout]) expect(text).not.toContain(KEY);
  });
});

describe('chats', () => {
  test('are made, listed, renamed and deleted', async () => {
    const made = await post(server, '/chats', { title: 'Plays' });
    expect(made.status).toBe(201);
    const { id } = made.json<{ id: string }>();
    expect(made.json()).toMatchObject({ title: 'Plays', messages: [] });
    const listed = (await request(server, '/chats')).json<{ chats: { id: string }[] }>();
    expect(listed.chats[0]?.id).toBe(id);
    const renamed = await request(server, `/chats/${id}`, { method: 'PATCH', body: { title: 'New' } });
    expect(renamed.json()).toMatchObject({ id, title: 'New' });
    expect((await request(server, `/chats/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await request(server, `/chats/${id}`)).status).toBe(404);
    expect((await request(server, `/v1/streams/chats/${id}`)).status).toBe(404);
  });

  test('reasoning and usage are events of the answer’s stream', async () => {
    script = (say) => {
      say.reasoning('hmm');
      say.text('four');
      say.end();
    };
    const chat = await makeChat(server);
    const started = await post(
      server,
      `/v1/chats/${chat}/messages`,
      { prompt: '2+2' },
      { headers: { accept: 'application/json' } },
    );
    expect(started.status).toBe(202);
    const { stream } = started.json<{ stream: string }>();
    await using reader = await openStream(server, `/v1/streams/${stream}?after=start`);
    await reader.event('done');
    expect(reader.frames.flatMap(({ event }) => event ?? [])).toEqual(
      expect.arrayContaining(['started', 'reasoning', 'text', 'done']),
    );
  });

  test('a question may be about a stream: the model gets what it holds', async () => {
    await request(server, '/v1/streams/notes', { method: 'PUT' });
    await post(server, '/v1/streams/notes', { type: 'note', data: { it: 'broke at line 42' } });
    const chat = await makeChat(server);
    using asking = await ask(server, chat, {
      prompt: 'What went wrong here?',
      attachments: [{ stream: 'notes' }],
    });
    await asking.ended;
    expect(String(upstream.asked.at(-1)?.messages.at(-1)?.content)).toContain('broke at line 42');
  });

  test.each<[string, unknown, number]>([
    ['an empty prompt', { prompt: '  ' }, 400],
    ['no prompt', {}, 400],
    ['a prompt that is no text', { prompt: 7 }, 400],
    ['an overlong prompt', { prompt: 'x'.repeat(200_000) }, 413],
    ['an attachment that does not exist', { prompt: 'x', attachments: [{ stream: 'nothing/here' }] }, 404],
    ['an attachment that is no stream', { prompt: 'x', attachments: [{ stream: '../etc' }] }, 400],
  ])('%s is refused, and the chat is intact', async (_, body, status) => {
    const chat = await makeChat(server);
    expect((await post(server, `/chats/${chat}/messages`, body)).status).toBe(status);
    using asking = await ask(server, chat, { prompt: 'and now?' });
    await asking.ended;
    expect(asking.events.at(-1)).toEqual({ type: 'done' });
  });

  test('lone surrogates in a prompt and an answer become replacement characters', async () => {
    script = (say) => {
      say.raw(`data: {"id":"1","choices":[{"index":0,"delta":{"content":"a\\ud83db"}}]}\n\n`);
      say.end();
    };
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'a\ud83d' });
    await asking.ended;
    expect(asking.text).toBe('a\ufffdb');
  });

  test('another tenant’s chat, and one that is not there, are told alike', async () => {
    const chat = await makeChat(server);
    const stranger = await makeKey(server, { tenant: 'stranger', scopes: ['chats:write', 'streams:read'] });
    for (const id of [chat, 'chat_nothing']) {
      for (const [method, path] of [
        ['GET', `/chats/${id}`],
        ['DELETE', `/chats/${id}`],
        ['POST', `/chats/${id}/messages`],
        ['POST', `/chats/${id}/stop`],
        ['POST', `/chats/${id}/retry`],
        ['GET', `/v1/chats/${id}/answer`],
      ] as const) {
        const body = method === 'POST' ? { prompt: 'mine' } : undefined;
        const answer = await request(server, path, { method, body, key: stranger });
        expect([path, answer.status]).toEqual([path, 404]);
        expect(answer.text.replaceAll(id, '')).toContain('There is no such chat.');
      }
    }
    expect((await request(server, `/v1/streams/chats/${chat}`, { key: stranger })).status).toBe(404);
  });

  test('users of one tenant do not see each other’s chats', async () => {
    const ann = await makeKey(server, { user_id: 'ann', scopes: ['chats:write'] });
    const bob = await makeKey(server, { user_id: 'bob', scopes: ['chats:write'] });
    const made = await post(server, '/chats', {}, { key: ann });
    const { id } = made.json<{ id: string }>();
    expect((await request(server, `/chats/${id}`, { key: bob })).status).toBe(404);
    expect((await request(server, '/chats', { key: bob })).json()).toEqual({ chats: [] });
    expect((await request(server, '/chats', { key: ann })).json<{ chats: unknown[] }>().chats).toHaveLength(
      1,
    );
  });
});

describe('tools of a model', () => {
  test('it finds and reads what the asker may see, and its calls are events of the answer', async () => {
    await request(server, '/v1/streams/diary', { method: 'PUT' });
    await post(server, '/v1/streams/diary', { type: 'entry', data: { text: 'the zebra has stripes' } });
    script = (say, _, index) => {
      if (index === first) say.call('read_stream', { stream: 'diary', after: 'start' });
      else {
        say.text('It has stripes.');
        say.end();
      }
    };
    const first = upstream.asked.length;
    const chat = await makeChat(server);
    const started = await post(
      server,
      `/v1/chats/${chat}/messages`,
      { prompt: 'What has the zebra?' },
      { headers: { accept: 'application/json' } },
    );
    const { stream } = started.json<{ stream: string }>();
    await using reader = await openStream(server, `/v1/streams/${stream}?after=start`);
    const result = await reader.event('tool_result');
    expect(result.data).toContain('the zebra has stripes');
    await reader.event('done');
    const offered = (upstream.asked[first]?.['tools'] ?? []) as { function: { name: string } }[];
    expect(offered.map((tool) => tool.function.name)).toEqual(['search_streams', 'read_stream']);
    // The model got it, as the provider's format says.
    expect(JSON.stringify(upstream.asked.at(-1)?.messages.at(-1))).toContain('the zebra has stripes');
  });

  test('P-489 D-19 commands only where the question allows it, and the key may run them', async () => {
    const offered = async (body: object, key?: string): Promise<string[]> => {
      const chat = (await post(server, '/chats', {}, key === undefined ? {} : { key })).json<{ id: string }>()
        .id;
      using asking = await ask(server, chat, { prompt: 'hello', ...body }, key === undefined ? {} : { key });
      await asking.ended;
      const tools = (upstream.asked.at(-1)?.['tools'] ?? []) as { function: { name: string } }[];
      return tools.map((tool) => tool.function.name);
    };
    expect(await offered({})).not.toContain('run_command');
    expect(await offered({ allow: ['run'] })).toContain('run_command');
    const chatter = await makeKey(server, { scopes: ['chats:write', 'streams:read'] });
    expect(await offered({ allow: ['run'] }, chatter)).toEqual(['search_streams', 'read_stream']);
    const bare = await makeKey(server, { scopes: ['chats:write'] });
    expect(await offered({ allow: ['run'] }, bare)).toEqual([]);
  });

  test('a command that a model runs answers with its output and its exit code', async () => {
    const first = upstream.asked.length;
    script = (say, _, index) => {
      if (index === first) say.call('run_command', { command: 'echo out; echo err >&2; exit 3' });
      else {
        say.text('Done.');
        say.end();
      }
    };
    const chat = await makeChat(server);
    using asking = await ask(server, chat, { prompt: 'run it', allow: ['run'] });
    await asking.ended;
    const told = JSON.stringify(upstream.asked.at(-1)?.messages.at(-1));
    expect(told).toContain('exit_code');
    expect(told).toMatch(/3/);
    expect(told).toContain('out');
  });
});
