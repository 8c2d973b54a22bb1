import type { Given } from './command.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import type { Io } from './io.ts';
import { serverAddress } from './server-address.ts';

/** A server, as commands talk to it. */
export interface Client {
  readonly url: string;
  /** Asks, and gives the JSON of the answer; undefined for none. Throws a Failure for whatever is not a success. */
  json(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Asks, and gives the answer whatever it is. Throws a Failure only if there is none. */
  open(path: string, options: RequestInit): Promise<Response>;
  /** Begins to open a WebSocket. */
  socket(path: string): WebSocket;
}

/** Node's own WebSocket takes headers; its type does not say so. */
type OpenSocket = new (url: string, options: { readonly headers: Record<string, string> }) => WebSocket;

/** What the server said of a request that it refused. */
export class Refusal extends Failure {
  readonly status: number;
  /** A heading of docs/errors.md. */
  readonly code: string;
  /** The whole answer. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    message: string,
    problem: Readonly<Record<string, unknown>>,
    hint: string | undefined = status === 401 ? 'Is PLAYHEAD_API_KEY right?' : undefined,
  ) {
    super(status === 401 || status === 403 ? EXIT.refused : EXIT.failed, message, hint);
    this.status = status;
    this.code = code;
    this.problem = problem;
  }
}

/** A client of the server that the arguments and the environment name. */
export function clientOf(given: Given, io: Io): Client {
  const { url, key } = serverAddress(given, io);
  return createClient(url, { 'x-api-key': key });
}

/** A client that sends these headers with every request, to `url` and nowhere else. */
export function createClient(url: string, own: Readonly<Record<string, string>>): Client {
  async function open(path: string, options: RequestInit): Promise<Response> {
    const headers = new Headers(options.headers);
    for (const [name, value] of Object.entries(own)) headers.set(name, value);
    try {
      // A redirect would carry the key to wherever it points.
      return await fetch(`${url}${path}`, { ...options, headers, redirect: 'error' });
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw unreachable(url, error);
    }
  }

  return {
    url,
    open,
    socket: (path) =>
      new (WebSocket as unknown as OpenSocket)(`${url.replace(/^http/, 'ws')}${path}`, {
        headers: { ...own },
      }),
    async json(method, path, body, signal) {
      const answer = await open(path, {
        method,
        ...(signal === undefined ? {} : { signal }),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      if (!answer.ok) throw await refusalOf(answer);
      const text = await answer.text().catch((error: unknown) => {
        throw unreachable(url, error);
      });
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
  };
}

/** What an answer that is no success says, in either of the shapes that errors have. */
export async function refusalOf(answer: Response): Promise<Refusal> {
  const text = await answer.text().catch(() => '');
  const problem = asRecord(parsed(text));
  const error = asRecord(problem['error']);
  const details = asRecord(error['details']);
  const message =
    textOf(problem['detail']) ?? textOf(error['message']) ?? `The server answered ${answer.status}.`;
  const code = textOf(problem['code']) ?? textOf(details['reason']) ?? 'unknown';
  return new Refusal(answer.status, code, message, { ...details, ...problem });
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function unreachable(url: string, error: unknown): Failure {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  if (cause instanceof Error && cause.message === 'unexpected redirect') {
    return new Failure(
      EXIT.failed,
      `The server at ${url} redirects.`,
      'Give the address that it redirects to.',
    );
  }
  return new Failure(
    EXIT.unreachable,
    `The server at ${url} cannot be reached${code}.`,
    'Start one with `playhead serve`, or name another with PLAYHEAD_URL.',
  );
}
