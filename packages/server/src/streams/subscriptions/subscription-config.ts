import { isDeepStrictEqual } from 'node:util';
import { kindOf, PlayheadError, type StreamName } from '@playhead/protocol';
import { z } from 'zod';
import { streamAt } from '../stream-path.ts';
import { streamPattern } from './stream-pattern.ts';
import { isTenantWide } from './tenant-wide.ts';

/** What a subscription is for, in its one spelling: two that are equal are the same subscription (P-261). */
export interface SubscriptionConfig {
  readonly pattern: string | null;
  /** Sorted, each once. */
  readonly streams: readonly StreamName[];
  readonly delivery: Delivery;
  readonly leaseMs: number;
  readonly description: string | null;
}

export type Delivery =
  | { readonly kind: 'webhook'; readonly url: string }
  /** Wake events are written to this stream. */
  | { readonly kind: 'pull-wake'; readonly stream: StreamName };

export interface ConfigLimits {
  /** Streams in one subscription. */
  readonly streams: number;
  /** ms. */
  readonly leaseMs: number;
  readonly leaseMinMs: number;
  /** First segments of names that the server alone writes. */
  readonly reserved: ReadonlySet<string>;
}

const LEASE_MAX_MS = 600_000;

const MAX_TEXT = 2_048;

const text = z.string().max(MAX_TEXT);
const body = z.object({
  type: z.enum(['webhook', 'pull-wake']),
  pattern: text.nullish(),
  streams: z.array(text).nullish(),
  webhook: z.object({ url: text }).nullish(),
  wake_stream: text.nullish(),
  lease_ttl_ms: z.int().max(LEASE_MAX_MS).nullish(),
  description: z.string().max(1_024).nullish(),
});

/** The configuration that a request asks for. Throws `invalid-request` naming what is wrong. */
export function readConfig(value: unknown, limits: ConfigLimits): SubscriptionConfig {
  const parsed = body.safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
  const { type, webhook, wake_stream, lease_ttl_ms, description } = parsed.data;
  const pattern = plainPattern(plain(parsed.data.pattern ?? ''));
  if (pattern === undefined)
    throw invalid('pattern is segments of stream names, * for any one and ** for any number, parted by /.');
  const streams = readStreams(parsed.data.streams ?? [], limits.streams);
  if (pattern === '' && streams.length === 0) throw invalid('pattern or streams must be there.');
  const leaseMs = lease_ttl_ms ?? limits.leaseMs;
  if (leaseMs < limits.leaseMinMs)
    throw invalid(`lease_ttl_ms is from ${limits.leaseMinMs} to ${LEASE_MAX_MS}.`);
  const common = { pattern: pattern === '' ? null : pattern, streams, leaseMs };
  const told = { description: description ?? null };
  if (type === 'webhook') {
    if (webhook === undefined || webhook === null) throw invalid('A webhook needs webhook.url.');
    return { ...common, delivery: { kind: type, url: webhook.url }, ...told };
  }
  const stream = streamIn(wake_stream ?? '');
  if (stream === undefined) throw invalid('pull-wake needs wake_stream, the name of a stream.');
  if (limits.reserved.has(kindOf(stream))) throw invalid('wake_stream is one that the server alone writes.');
  if (streams.includes(stream)) throw invalid('A subscription cannot wake itself: streams has wake_stream.');
  return { ...common, delivery: { kind: type, stream }, ...told };
}

/** Names of streams as requests give them, sorted, each once. Throws `invalid-request`. */
export function readStreams(names: readonly unknown[], limit: number): StreamName[] {
  if (names.length > limit) throw invalid(`streams has at most ${limit} names.`);
  const read = names.map((name) => {
    const stream = typeof name === 'string' ? streamIn(name) : undefined;
    if (stream === undefined) throw invalid('streams is a list of names of streams.');
    if (!isTenantWide(stream)) throw invalid(`${stream} is one user's own: no subscription can have it.`);
    return stream;
  });
  return [...new Set(read)].sort();
}

export function sameConfig(a: SubscriptionConfig, b: SubscriptionConfig): boolean {
  return isDeepStrictEqual(a, b);
}

/**
 * The stream that a path in a request names, spelled as on the face of streams. Paths are relative to the root of all
 * streams, with or without a slash before or behind. Undefined for what is no name.
 */
export function streamIn(path: string): StreamName | undefined {
  return streamAt(plain(path));
}

/** A pattern with its names in their one spelling; undefined if it is none. None at all is ''. */
function plainPattern(text: string): string | undefined {
  if (text === '') return text;
  const segments = text.split('/').map((segment) => (WILD.has(segment) ? segment : plainSegment(segment)));
  const pattern = segments.join('/');
  return segments.includes(undefined) || streamPattern(pattern) === undefined ? undefined : pattern;
}

const WILD: ReadonlySet<string> = new Set(['*', '**']);

/** A star inside of a segment stands for nothing, and is no part of a name that anybody means. */
function plainSegment(segment: string): string | undefined {
  return segment.includes('*') ? undefined : streamAt(segment);
}

function plain(path: string): string {
  // Much longer than any name: it is none, and slashes in their thousands are not worth looking at.
  return path.length > MAX_TEXT ? path : path.replace(/^\/+|\/+$/g, '');
}

function invalid(detail: string): PlayheadError {
  return new PlayheadError('invalid-request', detail);
}
