import { isUtf8 } from 'node:buffer';
import { type ClientMessage, PlayheadError } from '@playhead/protocol';

const TYPES = [
  'subscribe',
  'unsubscribe',
  'append',
  'create',
  'head',
  'read',
  'close',
  'delete',
  'input',
  'resize',
  'signal',
  'control',
] as const;

const CONTENT: Readonly<Record<string, Check>> = {
  messages: optional(Array.isArray),
  content_type: optional(isText),
  data: optional(isText),
  encoding: optional(oneOf('utf8', 'base64')),
};

/** What each type has beside type, id and stream. Checked by hand: this is on the path of every append. */
const FIELDS: Readonly<Record<(typeof TYPES)[number], Readonly<Record<string, Check>>>> = {
  subscribe: { after: optional(isText), delivery: optional(oneOf('every', 'latest')) },
  unsubscribe: {},
  append: {
    events: optional(Array.isArray),
    ...CONTENT,
    writer: optional(isWriter),
    expected: optional(isText),
    ordinal: optional(isText),
    close: optional(isBoolean),
  },
  create: {
    ...CONTENT,
    durability: optional(oneOf('durable', 'volatile')),
    ttl_seconds: optional(isCount),
    expires_at: optional(isText),
    closed: optional(isBoolean),
    forked_from: optional(isText),
    fork_offset: optional(isText),
    fork_sub_offset: optional(isCount),
  },
  head: {},
  read: { after: optional(isText), live: optional(isBoolean) },
  close: { writer: optional(isWriter) },
  delete: {},
  input: { data: isText, encoding: optional(oneOf('utf8', 'base64')) },
  resize: { columns: isCount, rows: isCount },
  signal: { name: isText },
  control: { action: oneOf('take', 'release'), force: optional(isBoolean) },
};

type Check = (value: unknown) => boolean;

/** One message of a client, or what is wrong with it. */
export function parseMessage(text: string): ClientMessage | PlayheadError {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    return new PlayheadError('invalid-json', 'The message is not valid JSON.', { cause: error });
  }
  if (!isObject(message)) return invalid('A message is a JSON object.');
  const { type, id, stream } = message;
  if (!isKnown(type)) return invalid(`type is one of ${TYPES.join(', ')}.`);
  if (id !== undefined && !(isText(id) && id.length <= 128))
    return invalid('id is a text of at most 128 characters.');
  if (!isText(stream)) return invalid('stream names a stream: kind/id.');
  const fields = FIELDS[type];
  for (const [name, check] of Object.entries(fields)) {
    if (!check(message[name])) return invalid(`${name} of ${type} is missing or not what it should be.`);
  }
  for (const name of Object.keys(message)) {
    if (!(name in fields) && name !== 'type' && name !== 'id' && name !== 'stream') {
      return invalid(`${type} has no field ${JSON.stringify(name.slice(0, 40))}.`);
    }
  }
  // Every field was checked just now; events are checked by whoever appends them.
  return message as unknown as ClientMessage;
}

/** The id of a message that is otherwise wrong, so that whoever sent it learns which one it was. */
export function idOf(text: string): string | undefined {
  try {
    const message: unknown = JSON.parse(text);
    const id = isObject(message) ? message['id'] : undefined;
    return isText(id) && id.length <= 128 ? id : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A message that came in a binary frame: what lies behind its head is a body. */
export type BinaryMessage = Extract<ClientMessage, { type: 'append' | 'create' }> & { readonly body: Buffer };

/** One binary frame of a client, built as those of the server are (P-106), or what is wrong with it. */
export function parseBinaryMessage(frame: Buffer): BinaryMessage | PlayheadError {
  const begin = frame.length < 2 ? frame.length + 1 : 2 + frame.readUInt16BE(0);
  const head = frame.subarray(2, begin);
  if (begin > frame.length || !isUtf8(head)) {
    return invalid('A binary frame begins with the length of its head, in two bytes, and the head, in JSON.');
  }
  const message = parseMessage(head.toString());
  if (message instanceof PlayheadError) return message;
  if (message.type !== 'append' && message.type !== 'create') {
    return invalid('Only append and create come in binary frames.');
  }
  if ('events' in message) return invalid('Events come in text frames.');
  return { ...message, body: frame.subarray(begin) };
}

function isKnown(value: unknown): value is (typeof TYPES)[number] {
  return TYPES.some((type) => type === value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isWriter(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { id, epoch, sequence } = value;
  return isText(id) && id.length > 0 && id.length <= 128 && isCount(epoch) && isCount(sequence);
}

function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

function oneOf(...words: readonly string[]): Check {
  return (value) => isText(value) && words.includes(value);
}

function invalid(detail: string): PlayheadError {
  return new PlayheadError('invalid-request', detail);
}
