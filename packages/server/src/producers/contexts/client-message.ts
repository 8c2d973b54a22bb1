import { z } from 'zod';
import { type BroadcastEvent, broadcastEvent, type Device, device, userId } from './sync-message.ts';

/** `flat`: `{type, …, requestId}`, as the document has it. `enveloped`: `{type, id, data}`. Answered in kind (D-43). */
export type Dialect = 'flat' | 'enveloped';

/** Which request an answer belongs to. */
export interface Request {
  readonly dialect: Dialect;
  readonly type: string;
  readonly id: string | number | undefined;
}

/** What a client says, after its shape was checked. */
export type ClientMessage =
  | {
      readonly kind: 'auth';
      readonly request: Request;
      readonly token: string;
      readonly userId: string;
      readonly device?: Device;
    }
  | {
      readonly kind: 'subscribe';
      readonly request: Request;
      readonly channels: readonly string[];
      readonly after: ReadonlyMap<string, number>;
    }
  | { readonly kind: 'unsubscribe'; readonly request: Request; readonly channels: readonly string[] }
  | {
      readonly kind: 'broadcast';
      readonly request: Request;
      readonly channel: string;
      readonly event: BroadcastEvent;
    }
  /** Each is judged by itself. */
  | { readonly kind: 'sync'; readonly request: Request; readonly messages: readonly unknown[] }
  | { readonly kind: 'heartbeat'; readonly request: Request }
  | { readonly kind: 'malformed'; readonly request: Request; readonly problem: string };

export interface MessageLimits {
  /** Channels in one message. */
  readonly channels: number;
  /** Context messages in one sync. */
  readonly syncs: number;
}

const requestId = z.union([z.string().max(256), z.number()]);

const head = z.looseObject({
  type: z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/),
  id: requestId.exactOptional(),
  requestId: requestId.exactOptional(),
  data: z.unknown().optional(),
});

const number = z.int().min(0);
const channelName = z.string().min(1).max(256);

const auth = z.object({
  token: z
    .string()
    .min(1)
    .max(8_192 + 7),
  userId,
  device: device.exactOptional(),
});
const channels = z.object({ channels: z.array(channelName).min(1) });
const subscribe = channels.extend({
  after: z.union([number, z.record(channelName, number)]).exactOptional(),
});
const broadcast = z.object({ channel: channelName, event: broadcastEvent });
const syncs = z.object({ messages: z.array(z.unknown()).min(1) });
const sync = z.object({ message: z.unknown() }).transform(({ message }) => ({ messages: [message] }));

/** Reads one message. What is wrong with it is part of what it gives: the connection goes on. */
export function readMessage(text: string, spoken: Dialect, limits: MessageLimits): ClientMessage {
  const unknown: Request = { dialect: spoken, type: 'error', id: undefined };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return malformed(unknown, 'The message is not valid JSON.');
    throw error;
  }
  const parsed = head.safeParse(value);
  if (!parsed.success) return malformed(unknown, 'A message is an object with a type.');
  const { type, id, requestId: flatId, data } = parsed.data;
  const dialect = dialectOf(data, id, flatId, spoken);
  const request: Request = { dialect, type, id: dialect === 'flat' ? flatId : id };
  const body = dialect === 'enveloped' ? (data ?? {}) : value;
  return readBody(request, body, limits);
}

function hasMany(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, 'messages');
}

/** What a message is written in, if it shows it; else what the connection has spoken so far. */
function dialectOf(data: unknown, id: unknown, flatId: unknown, spoken: Dialect): Dialect {
  if (typeof data === 'object' && data !== null) return 'enveloped';
  if (flatId !== undefined) return 'flat';
  return id === undefined ? spoken : 'enveloped';
}

function readBody(request: Request, body: unknown, limits: MessageLimits): ClientMessage {
  switch (request.type) {
    case 'auth':
      return read(auth, body, request, ({ token, ...rest }) => ({
        ...{ kind: 'auth', request, ...rest },
        token: token.replace(/^Bearer +/i, ''),
      }));
    case 'subscribe':
      return read(subscribe, body, request, (value) => {
        const { after: positions } = value;
        const [only, ...others] = value.channels;
        if (value.channels.length > limits.channels) return tooMany(request, 'channels', limits.channels);
        if (typeof positions === 'number' && others.length > 0)
          return malformed(request, 'after: for several channels it is an object: one number for each.');
        const map =
          typeof positions === 'number'
            ? [[only ?? '', positions] as const]
            : Object.entries(positions ?? {});
        return { kind: 'subscribe', request, channels: [...new Set(value.channels)], after: new Map(map) };
      });
    case 'unsubscribe':
      return read(channels, body, request, (value) =>
        value.channels.length > limits.channels
          ? tooMany(request, 'channels', limits.channels)
          : { kind: 'unsubscribe', request, channels: [...new Set(value.channels)] },
      );
    case 'broadcast':
      return read(broadcast, body, request, (value) => ({ kind: 'broadcast', request, ...value }));
    case 'sync':
      return read(hasMany(body) ? syncs : sync, body, request, ({ messages }) =>
        messages.length > limits.syncs
          ? tooMany(request, 'messages', limits.syncs)
          : { kind: 'sync', request, messages },
      );
    case 'heartbeat':
      return { kind: 'heartbeat', request };
    default:
      return malformed(request, `${request.type}: there is no such type of message.`);
  }
}

function read<T>(
  schema: z.ZodType<T>,
  body: unknown,
  request: Request,
  then: (value: T) => ClientMessage,
): ClientMessage {
  const parsed = schema.safeParse(body);
  if (parsed.success) return then(parsed.data);
  const [issue] = parsed.error.issues;
  const field =
    issue === undefined || issue.path.length === 0 ? request.type : issue.path.map(String).join('.');
  return malformed(request, `${field}: ${issue?.message ?? 'is malformed'}`);
}

function malformed(request: Request, problem: string): ClientMessage {
  return { kind: 'malformed', request, problem };
}

function tooMany(request: Request, what: string, limit: number): ClientMessage {
  return malformed(request, `${what}: at most ${limit} in one message.`);
}
