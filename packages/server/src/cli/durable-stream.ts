import { asRecord, Refusal, refusalOf, textOf } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import type { StreamTarget } from './stream-target.ts';

/** Header names of the Durable Streams protocol. */
export const HEADER = {
  next: 'stream-next-offset',
  closed: 'stream-closed',
  upToDate: 'stream-up-to-date',
  cursor: 'stream-cursor',
  ttl: 'stream-ttl',
  expiresAt: 'stream-expires-at',
  forkedFrom: 'stream-forked-from',
  forkOffset: 'stream-fork-offset',
  forkSubOffset: 'stream-fork-sub-offset',
  producerId: 'producer-id',
  producerEpoch: 'producer-epoch',
  producerSeq: 'producer-seq',
} as const;

/** What `HEAD` says of a stream. */
export interface StreamState {
  readonly contentType: string;
  /** The offset behind its newest data. */
  readonly next: string;
  readonly closed: boolean;
  readonly ttlSeconds: number | undefined;
  /** RFC 3339. */
  readonly expiresAt: string | undefined;
}

export interface StreamRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

/** Asks a stream, and gives the answer whatever it is. Throws a Failure only if there is none. */
export function ask({ client, path }: StreamTarget, request: StreamRequest): Promise<Response> {
  const { query, ...options } = request;
  const url = new URL(path, 'http://stream');
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  // Sorted, so that equal requests are equal URLs to caches in between.
  url.searchParams.sort();
  return client.open(`${url.pathname}${url.search}`, options);
}

/** Asks, and throws what the server says of a request that it refuses. */
export async function askFor(target: StreamTarget, request: StreamRequest): Promise<Response> {
  const answer = await ask(target, request);
  if (!answer.ok) throw await streamRefusal(target, answer);
  return answer;
}

export async function stateOf(target: StreamTarget): Promise<StreamState> {
  const { headers } = await askFor(target, { method: 'HEAD' });
  const ttl = headers.get(HEADER.ttl);
  return {
    contentType: headers.get('content-type') ?? 'application/octet-stream',
    next: nextOf(target, headers),
    closed: isSet(headers, HEADER.closed),
    ttlSeconds: ttl === null ? undefined : Number(ttl),
    expiresAt: headers.get(HEADER.expiresAt) ?? undefined,
  };
}

/** The offset behind what an answer is about. Throws a Failure for an answer of something else than a stream. */
export function nextOf({ shown }: StreamTarget, headers: Headers): string {
  const next = headers.get(HEADER.next);
  if (next !== null && next !== '') return next;
  throw new Failure(
    EXIT.failed,
    `What answers at ${shown} does not speak the Durable Streams protocol.`,
    'Its answer has no Stream-Next-Offset. Is it the URL of a stream?',
  );
}

export function isSet(headers: Headers, name: string): boolean {
  return headers.get(name)?.toLowerCase() === 'true';
}

/** Whether data of this type is a sequence of JSON documents. */
export function isJson(contentType: string): boolean {
  return contentType.split(';')[0]?.trim().toLowerCase() === 'application/json';
}

/** What a server says of a request to a stream that it refuses: in its own words, else in those of the protocol. */
export async function streamRefusal(target: StreamTarget, answer: Response): Promise<Refusal> {
  const { status, code, message, problem } = await refusalOf(answer.clone());
  const explained = textOf(problem['detail']) ?? textOf(asRecord(problem['error'])['message']);
  const meaning = meaningOf(target, answer, explained === undefined ? await shortText(answer) : '');
  return new Refusal(
    status,
    code,
    explained === undefined ? meaning.message : message,
    problem,
    meaning.hint,
  );
}

function meaningOf(
  { shown, name }: StreamTarget,
  { status, headers }: Response,
  text: string,
): { readonly message: string; readonly hint?: string } {
  const said = text === '' ? '' : ` It says: ${text}`;
  switch (status) {
    case 400:
      return { message: `The server does not understand the request.${said}` };
    case 401:
    case 403:
      return {
        message: `The server does not let you do this.${said}`,
        hint:
          name === undefined
            ? 'What it wants to see is given with --header; PLAYHEAD_API_KEY goes to your own server alone.'
            : 'Is PLAYHEAD_API_KEY right?',
      };
    case 404:
      return { message: `There is no stream ${shown}.`, hint: `\`playhead create ${shown}\` makes it.` };
    case 405:
    case 501:
      return { message: `The server does not do that with ${shown}.${said}` };
    case 409:
      return isSet(headers, HEADER.closed)
        ? { message: `${shown} is closed: nothing can be appended.` }
        : {
            message: `That conflicts with what ${shown} is.${said}`,
            hint: `\`playhead head ${shown}\` shows it.`,
          };
    case 410:
      return { message: `${shown} is deleted, or what was at that offset is no longer kept.${said}` };
    case 413:
      return { message: 'That is more than the server takes at once.' };
    default:
      return { message: `The server answered ${status}.${said}` };
  }
}

/** What a person can read of an answer: the beginning of its first line. */
async function shortText(answer: Response): Promise<string> {
  const text = await answer.text().catch(() => '');
  const line = /^[^\r\n<]{1,200}/.exec(text.trim())?.[0] ?? '';
  return line.replaceAll(/[^\x20-\x7e\xa0-\uffff]/g, ' ').trim();
}
