import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { type Answer, ask } from '../ask.ts';
import { makeKey } from '../keys.ts';
import { readAll } from '../streams.ts';

interface Message {
  readonly id: string;
  readonly role: string;
  readonly content: string;
  readonly ending?: string;
}
interface Chat {
  readonly id: string;
  readonly title: string;
  readonly messages: readonly Message[];
  readonly answer: object | null;
}

const made: string[] = [];

async function makeChat(key?: string): Promise<string> {
  const answer = await post('/chats', { title: 'conformance' }, key);
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  const { id } = answer.json<Chat>();
  if (key === undefined) made.push(id);
  return id;
}

function post(path: string, body: unknown, key?: string, headers = {}): Promise<Answer> {
  return ask(path, { method: 'POST', body, headers, ...(key === undefined ? {} : { key }) });
}

async function chatOf(id: string): Promise<Chat> {
  return (await ask(`/chats/${id}`)).json<Chat>();
}

/** The events of the documented call, or of one like it: the JSON of each `data:` line. */
function datas(answer: Answer): { type: string; text?: string }[] {
  return answer.text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)) as { type: string; text?: string });
}

/** Asks and gives the whole answer. What is said in it is the model's. */
async function asked(id: string, prompt = 'Who are you?'): Promise<Answer> {
  const answer = await post(`/chats/${id}/messages`, { prompt });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer;
}

describe('18 Chats', () => {
  afterAll(async () => {
    for (const id of made) await ask(`/chats/${id}`, { method: 'DELETE' });
  });

  test('P-480 a chat is made, listed, renamed, shown and removed; a user’s key sees its own', async () => {
    const id = await makeChat();
    const listed = (await ask('/chats?limit=1')).json<{ chats: { id: string }[]; next?: string }>();
    expect(listed.chats).toHaveLength(1);
    expect(await chatOf(id)).toMatchObject({ id, title: 'conformance', messages: [], answer: null });
    const renamed = await ask(`/chats/${id}`, { method: 'PATCH', body: { title: 'new' } });
    expect(renamed.json()).toMatchObject({ id, title: 'new' });
    expect((await ask(`/chats/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(`/chats/${id}`)).status).toBe(404);
    const user = await makeKey({ scopes: ['chats:write'], user_id: 'conformance-user' });
    expect((await ask(`/chats/${await makeChat()}`, { key: user.key })).status).toBe(404);
    const own = await makeChat(user.key);
    expect((await ask(`/chats/${own}`, { key: user.key })).status).toBe(200);
    expect((await ask(`/chats/${own}`, { method: 'DELETE', key: user.key })).status).toBe(204);
  });

  test('P-481 P-482 the chat and its answer are streams, and the message is there when done can be seen', async () => {
    const id = await makeChat();
    await asked(id);
    const { messages } = await chatOf(id);
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(messages[1]?.ending).toBe('completed');
    const events = await readAll(`chats/${id}`);
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['message', 'answering']));
    const answering = events.find(({ type }) => type === 'answering') ?? expect.fail('an answer');
    const { stream } = answering.data as { stream: string };
    const said = await readAll(stream);
    expect(said[0]?.type).toBe('started');
    expect(said.at(-1)).toMatchObject({ type: 'done', data: { ending: 'completed' } });
    const text = said.flatMap(({ type, data }) => (type === 'text' ? [(data as { text: string }).text] : []));
    expect(text.join('')).toBe(messages[1]?.content);
  });

  test('P-483 the documented call is short chunks and one done, last', async () => {
    const answer = await asked(await makeChat());
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
    const events = datas(answer);
    expect(events.at(-1)).toEqual({ type: 'done' });
    expect(events.filter(({ type }) => type === 'done')).toHaveLength(1);
    for (const { text = '' } of events) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_024);
  });

  test('P-485 retry takes the place of the last answer; stop says whether there was one', async () => {
    const id = await makeChat();
    expect((await post(`/chats/${id}/retry`, {})).status).toBe(409);
    await asked(id);
    const [, before] = (await chatOf(id)).messages;
    expect((await post(`/chats/${id}/retry`, {})).status).toBe(200);
    const { messages } = await chatOf(id);
    expect(messages).toHaveLength(2);
    expect(messages[1]?.id).not.toBe(before?.id);
    expect((await post(`/chats/${id}/stop`, {})).json()).toEqual({ stopped: false });
  });

  test('P-486 P-491 where nothing is being answered there is nothing to watch', async () => {
    const id = await makeChat();
    for (const path of [`/chats/${id}/answer`, `/v1/chats/${id}/ui/stream`, `/v1/chats/${id}/stream`]) {
      expect([path, (await ask(path)).status]).toEqual([path, 204]);
    }
  });

  test('P-487 with Accept: application/json a question is answered by where its answer is', async () => {
    const id = await makeChat();
    const answer = await post(`/chats/${id}/messages`, { prompt: 'Who are you?' }, undefined, {
      accept: 'application/json',
    });
    expect(answer.status).toBe(202);
    const { stream } = answer.json<{ stream: string }>();
    expect((await readAll(stream))[0]?.type).toBe('started');
  });

  test('P-488 what cannot be read is refused before anything is kept', async () => {
    const id = await makeChat();
    const stream = `conformance-${randomBytes(6).toString('hex')}/none`;
    const answer = await post(`/chats/${id}/messages`, { prompt: 'x', attachments: [{ stream }] });
    expect(answer.status).toBe(404);
    expect((await chatOf(id)).messages).toEqual([]);
  });

  test('P-490 the AI SDK’s stream has its header, its parts and its end', async () => {
    const id = `conformance-${randomBytes(6).toString('hex')}`;
    made.push(id);
    const messages = [{ id: 'm-1', role: 'user', parts: [{ type: 'text', text: 'Who are you?' }] }];
    const answer = await post(`/v1/chats/${id}/ui`, { id, messages, trigger: 'submit-message' });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-vercel-ai-ui-message-stream']).toBe('v1');
    const types = datas(answer).map(({ type }) => type);
    expect(types[0]).toBe('start');
    for (const type of ['text-start', 'text-delta', 'text-end', 'finish']) expect(types).toContain(type);
    expect(answer.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    const shown = (await ask(`/v1/chats/${id}/ui`)).json<{
      messages: { role: string; parts: unknown[] }[];
    }>();
    expect(shown.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
  });

  test('P-492 a completion in OpenAI’s form, whole and streamed, and its errors', async () => {
    const chat = await makeChat();
    const body = {
      model: 'any',
      messages: [{ role: 'user', content: 'Who are you?' }],
      metadata: { chat_id: chat },
    };
    const whole = (await post('/v1/chat/completions', body)).json<{
      object: string;
      choices: { message: { content: string }; finish_reason: string }[];
    }>();
    expect(whole.object).toBe('chat.completion');
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant' } });
    const streamed = await post('/v1/chat/completions', { ...body, stream: true });
    expect(streamed.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    const wrong = await post('/v1/chat/completions', { ...body, metadata: { chat_id: 'nothing' } });
    expect([wrong.status, wrong.json()]).toMatchObject([404, { error: { type: 'invalid_request_error' } }]);
    expect((await ask('/v1/models')).json()).toMatchObject({ object: 'list' });
  });
});
