import { createHeard } from './heard.ts';
import { type Answer, request, type RequestOptions } from './request.ts';
import type { TestServer } from './server.ts';
import { within } from './within.ts';

export interface ChatView {
  readonly id: string;
  readonly title: string;
  readonly messages: readonly {
    readonly id: string;
    readonly role: string;
    readonly content: string;
    readonly ending?: string;
  }[];
  readonly answer: {
    readonly id: string;
    readonly stream: string;
    readonly text: string;
    readonly position: string;
  } | null;
}

/** Makes a chat and gives its id. */
export async function makeChat(server: TestServer, prefix = '/chats'): Promise<string> {
  const answer = await request(server, prefix, { method: 'POST', body: {} });
  if (answer.status !== 201) throw new Error(`no chat: ${answer.status} ${answer.text}`);
  return answer.json<{ id: string }>().id;
}

export async function readChat(
  server: TestServer,
  id: string,
  options: RequestOptions = {},
): Promise<ChatView> {
  return (await request(server, `/chats/${id}`, options)).json<ChatView>();
}

export function post(
  server: TestServer,
  path: string,
  body: unknown,
  options: RequestOptions = {},
): Promise<Answer> {
  return request(server, path, { method: 'POST', body, ...options });
}

export type ChatEvent =
  | { readonly type: 'chunk'; readonly text: string }
  | { readonly type: 'done'; readonly ending?: string }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

/** An answer on the documented call: every event, as its bytes come. */
export interface Asking extends Disposable {
  readonly status: number;
  readonly headers: Headers;
  /** Every line so far, comments too. */
  readonly lines: readonly string[];
  readonly events: readonly ChatEvent[];
  /** Text so far. */
  readonly text: string;
  /** Resolves when the text so far fits. */
  until(fits: (asking: Asking) => boolean, what: string): Promise<void>;
  /** The whole answer, once the response has ended. */
  readonly ended: Promise<void>;
  /** Leaves. */
  leave(): void;
}

export async function ask(
  server: TestServer,
  chat: string,
  body: unknown,
  {
    prefix = '/chats',
    call = 'messages',
    key = server.key,
  }: { prefix?: string; call?: string; key?: string } = {},
): Promise<Asking> {
  const leaving = new AbortController();
  const response = await within(
    fetch(`${server.url}${prefix}/${chat}/${call}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: leaving.signal,
    }),
    'an answer to begin',
  );
  const lines: string[] = [];
  const events: ChatEvent[] = [];
  const heard = createHeard(() => lines.slice(-20).join('\n'));
  const ended = read().finally(() => heard.over('the answer ended'));
  ended.catch(() => undefined);

  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const piece of response.body ?? []) {
      rest += decoder.decode(piece, { stream: true });
      const whole = rest.split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) {
        lines.push(line);
        if (line.startsWith('data: ')) events.push(JSON.parse(line.slice(6)) as ChatEvent);
      }
      heard.came();
    }
    if (rest !== '') throw new Error(`the response ended inside a line: ${rest}`);
  }

  const asking: Asking = {
    status: response.status,
    headers: response.headers,
    lines,
    events,
    get text() {
      return events.map((event) => (event.type === 'chunk' ? event.text : '')).join('');
    },
    async until(fits, what) {
      await heard.when(() => fits(asking) || undefined, what);
    },
    ended: within(ended, 'the answer to end'),
    leave: () => leaving.abort(),
    [Symbol.dispose]: () => leaving.abort(),
  };
  asking.ended.catch(() => undefined);
  return asking;
}
