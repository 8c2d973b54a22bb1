import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai';
import { OpenAI } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeChat, post, readChat } from '../support/chats.ts';
import { type ModelUpstream, type Script, startModelUpstream } from '../support/model-upstream.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

let upstream: ModelUpstream;
let server: TestServer;
let script: Script;

beforeAll(async () => {
  upstream = await startModelUpstream((say, asked, index) => script(say, asked, index));
  server = await startServer({
    env: {
      PLAYHEAD_CHAT_BASE_URL: upstream.url,
      PLAYHEAD_CHAT_MODEL: 'parrot-1',
      PLAYHEAD_CHAT_FIRST_MS: '5000',
    },
  });
});
afterAll(async () => {
  await server.stop();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  script = (say) => {
    say.reasoning('Let me see. ');
    for (const piece of ['Four', ', as ', 'ever.']) say.text(piece);
    say.end();
  };
});

function userSays(text: string): UIMessage {
  return { id: `u-${Math.random()}`, role: 'user', parts: [{ type: 'text', text }] };
}

describe('the AI SDK', () => {
  function transport(chat: string): DefaultChatTransport<UIMessage> {
    return new DefaultChatTransport({
      api: `${server.url}/v1/chats/${chat}/ui`,
      headers: { authorization: `Bearer ${server.key}` },
    });
  }

  async function send(chat: string, messages: UIMessage[], trigger: 'submit-message' | 'regenerate-message') {
    return transport(chat).sendMessages({
      chatId: chat,
      messages,
      trigger,
      messageId: undefined,
      abortSignal: undefined,
    });
  }

  async function lastOf(stream: ReadableStream<unknown>): Promise<UIMessage | undefined> {
    let last: UIMessage | undefined;
    for await (const message of readUIMessageStream({ stream: stream as never })) last = message;
    return last;
  }

  test('P-490 its transport sends to a chat that it made up, and reads text and reasoning', async () => {
    const chat = `made-up-${Date.now()}`;
    const message = await lastOf(await send(chat, [userSays('2+2?')], 'submit-message'));
    expect(message?.role).toBe('assistant');
    expect(message?.parts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'reasoning', text: 'Let me see. ' }),
        expect.objectContaining({ type: 'text', text: 'Four, as ever.' }),
      ]),
    );
    const kept = await readChat(server, chat);
    expect(kept.messages.map(({ content }) => content)).toEqual(['2+2?', 'Four, as ever.']);
    expect(kept.messages[1]?.id).toBe(message?.id);
    const shown = await request(server, `/v1/chats/${chat}/ui`);
    expect(shown.json<{ messages: UIMessage[] }>().messages[1]?.parts).toMatchObject([
      { text: 'Four, as ever.' },
    ]);
  });

  test('P-490 regenerating replaces the last answer', async () => {
    const chat = await makeChat(server);
    const question = userSays('2+2?');
    await lastOf(await send(chat, [question], 'submit-message'));
    script = (say) => {
      say.text('Five.');
      say.end();
    };
    await lastOf(await send(chat, [question], 'regenerate-message'));
    expect((await readChat(server, chat)).messages.map(({ content }) => content)).toEqual(['2+2?', 'Five.']);
  });

  test('P-491 it resumes an answer that goes on, also after its reader has left, and finds none when idle', async () => {
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    script = async (say) => {
      say.text('so far');
      await promise;
      say.text(', and the rest');
      say.end();
    };
    const chat = await makeChat(server);
    expect(await transport(chat).reconnectToStream({ chatId: chat })).toBeNull();
    const first = (await send(chat, [userSays('talk')], 'submit-message')).getReader();
    for (;;) {
      const { value } = await first.read();
      if (value?.type === 'text-delta') break;
    }
    await first.cancel();
    const resumed = await transport(chat).reconnectToStream({ chatId: chat });
    goOn();
    const message = await lastOf(resumed ?? new ReadableStream());
    expect(message?.parts).toContainEqual(expect.objectContaining({ text: 'so far, and the rest' }));
    expect((await request(server, `/v1/chats/${chat}/stream`)).status).toBe(204);
  });

  test('P-490 a failure in mid-answer reaches it as an error', async () => {
    script = (say) => {
      say.text('half');
      say.raw('data: {no\n\n');
      say.end();
    };
    const stream = await send(await makeChat(server), [userSays('talk')], 'submit-message');
    const types: string[] = [];
    for await (const chunk of stream) types.push(chunk.type);
    expect(types).toContain('error');
  });

  test.each<[string, unknown]>([
    ['no messages', { messages: [] }],
    ['none of the user', { messages: [{ id: 'a', role: 'assistant', parts: [] }] }],
    ['an empty question', { messages: [{ id: 'a', role: 'user', parts: [{ type: 'text', text: ' ' }] }] }],
    ['parts that are none', { messages: [{ id: 'a', role: 'user', parts: 'hello' }] }],
  ])('P-490 %s is a malformed request', async (_, body) => {
    const answer = await post(server, `/v1/chats/${await makeChat(server)}/ui`, body);
    expect(answer.status).toBe(400);
  });
});

describe('clients of OpenAI’s interface', () => {
  function client(): OpenAI {
    return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.key, maxRetries: 0 });
  }

  test('P-492 a completion, whole', async () => {
    const answer = await client().chat.completions.create({
      model: 'any',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'user', content: [{ type: 'text', text: '2+2?' }] },
      ],
    });
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Four, as ever.' },
    });
    const [instructions, ...messages] = upstream.asked.at(-1)?.messages ?? [];
    expect(instructions).toMatchObject({ role: 'system', content: expect.stringContaining('Be brief.') });
    expect(messages).toEqual([
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello!' },
      { role: 'user', content: '2+2?' },
    ]);
  });

  test('P-492 a completion, streamed, in a chat that goes on', async () => {
    const chat = await makeChat(server);
    for (const prompt of ['2+2?', 'Sure?']) {
      const stream = await client().chat.completions.create({
        model: 'any',
        messages: [{ role: 'user', content: prompt }],
        metadata: { chat_id: chat },
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let finished: string | null | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        finished = chunk.choices[0]?.finish_reason ?? finished;
      }
      expect([text, finished]).toEqual(['Four, as ever.', 'stop']);
    }
    expect((await readChat(server, chat)).messages.map(({ content }) => content)).toEqual([
      '2+2?',
      'Four, as ever.',
      'Sure?',
      'Four, as ever.',
    ]);
  });

  test('P-492 its errors are what such clients read', async () => {
    const unknown = client().chat.completions.create({
      model: 'any',
      messages: [{ role: 'user', content: 'x' }],
      metadata: { chat_id: 'nothing' },
    });
    await expect(unknown).rejects.toThrow('404 There is no such chat.');
    script = (say) => say.fail(429, { 'retry-after': '3' });
    const limited = client().chat.completions.create({
      model: 'any',
      messages: [{ role: 'user', content: 'x' }],
      stream: true,
    });
    await expect(limited).rejects.toMatchObject({ status: 429 });
    const wrongKey = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'sk_wrong', maxRetries: 0 });
    await expect(wrongKey.models.list()).rejects.toMatchObject({ status: 401 });
    expect((await client().models.list()).data).toMatchObject([{ id: 'parrot-1' }]);
  });
});
