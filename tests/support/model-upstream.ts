import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './loopback.ts';

/**
 * A language model's provider as others run one: the wire format of OpenAI's chat completions, on loopback. What it
 * says and how it fails is chosen per test, because no real provider fails on demand.
 */
export interface ModelUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/v1`. */
  readonly url: string;
  /** Requests so far: their bodies as they came. */
  readonly asked: readonly Asked[];
  /** How many connections of answers are open. */
  readonly open: number;
  /** Resolves when an answer was given up by its reader. */
  readonly abandoned: Promise<void>;
}

export interface Asked {
  readonly authorization: string | undefined;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly [member: string]: unknown;
}

/** Gives the answer to one request. */
export type Script = (say: Say, asked: Asked, index: number) => void | Promise<void>;

export interface Say {
  text(piece: string): void;
  reasoning(piece: string): void;
  /** Calls a tool; the request after it holds the result. */
  call(name: string, input: unknown): void;
  /** Ends the answer as its format says. */
  end(reason?: string): void;
  /** Bytes as they are. */
  raw(text: string): void;
  /** Closes the connection in the middle. */
  cut(): void;
  /** Answers with an error status instead. */
  fail(status: number, headers?: Record<string, string>): void;
  readonly closed: Promise<void>;
}

export async function startModelUpstream(script: Script): Promise<ModelUpstream> {
  const asked: Asked[] = [];
  let open = 0;
  const { promise: abandoned, resolve: abandon } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += String(piece);
    const parsed = JSON.parse(body) as Omit<Asked, 'authorization'>;
    const one = { ...parsed, authorization: request.headers.authorization } as Asked;
    asked.push(one);
    open++;
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    response.on('close', () => {
      open--;
      if (!response.writableEnded) abandon();
      close();
    });
    await script(sayer(response, closed), one, asked.length - 1);
  }

  const { url, close } = await listenOnLoopback(server);
  return {
    url: `${url}/v1`,
    asked,
    get open() {
      return open;
    },
    abandoned,
    [Symbol.asyncDispose]: close,
  };
}

function sayer(response: ServerResponse, closed: Promise<void>): Say {
  const head = (): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  };
  const chunk = (delta: unknown, more: object = {}): void => {
    head();
    const choice = { index: 0, delta, finish_reason: null, ...more };
    const data = { id: 'cmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [choice] };
    response.write(`data: ${JSON.stringify(data)}\n\n`);
  };
  return {
    text: (content) => chunk({ content }),
    reasoning: (reasoning_content) => chunk({ reasoning_content }),
    call(name, input) {
      const call = {
        index: 0,
        id: 'call_1',
        type: 'function',
        function: { name, arguments: JSON.stringify(input) },
      };
      chunk({ tool_calls: [call] });
      chunk({}, { finish_reason: 'tool_calls' });
      response.end('data: [DONE]\n\n');
    },
    end(reason = 'stop') {
      chunk({}, { finish_reason: reason });
      response.end('data: [DONE]\n\n');
    },
    raw(text) {
      head();
      response.write(text);
    },
    cut: () => void response.destroy(),
    fail(status, headers = {}) {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end('{"error":{"message":"the key sk-very-secret may not do that","type":"x"}}');
    },
    closed,
  };
}
