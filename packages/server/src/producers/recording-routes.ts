import { formatPosition, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Scope } from '../access/principal.ts';
import type { Recording, RecordingAbout, Recordings, RecordingWish, ShownAt } from '../frames/recordings.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { Route } from '../http/router.ts';
import { nameOf, type StreamKey } from '../log/stream-key.ts';
import { checkInput } from './check-input.ts';
import type { Exporter } from './recording-export.ts';
import { readTime } from './read-time.ts';

/** What the recording of one kind of source is, for its routes. */
export interface RecordingFace {
  readonly recordings: Recordings;
  readonly exporter: Exporter;
  /** Adds a route below the path of one source. `path` is what follows it: `/recording…`. */
  add(route: Route): void;
  readonly read: Scope;
  readonly control: Scope;
  /** What the caller named, also when it is over. Throws `not-found`. */
  find(exchange: Exchange): Promise<RecordedSource>;
  /** Switches it on or off where that is kept, too. Throws `not-found` for one that is over. */
  turn(exchange: Exchange, wish: RecordingWish | null): Promise<void>;
}

export interface RecordedSource {
  readonly key: StreamKey;
  /** Undefined for one that is over. */
  readonly recording: Recording | undefined;
}

const wishMembers: z.ZodType<RecordingWish> = z.object({ fps: z.number().min(0.01).max(60).exactOptional() });

/** `recording` where a source is made: `true`, or how. */
export const recordingWish: z.ZodType<RecordingWish | null> = z
  .union([z.boolean(), wishMembers])
  .transform((wish) => (wish === false ? null : wish === true ? {} : wish));

/** A picture of the past never changes, but it may be erased. */
const FINAL = 'private, max-age=3600, immutable';
const CHANGING = 'private, no-cache';

/** `…/recording`: what was shown, by time; and whether it is recorded. */
export function mountRecording(face: RecordingFace): void {
  const { recordings } = face;

  async function show(exchange: Exchange): Promise<Reply> {
    const { key, recording } = await face.find(exchange);
    const at = exchange.query.get('at');
    if (at !== null) return pictureAt(exchange, await recordings.at(key, readTime('at', at)));
    const about = await recordings.about(key);
    if (about === undefined) throw nothing('not-recorded');
    return { body: recordingView(key, about, recording) };
  }

  face.add({ method: 'GET', path: '/recording', access: { scope: face.read }, handle: show });
  for (const format of ['webm', 'mp4'] as const)
    face.add({
      method: 'GET',
      path: `/recording.${format}`,
      access: { scope: face.read },
      async handle(exchange) {
        const { key } = await face.find(exchange);
        await face.exporter(exchange, key, format);
        return undefined;
      },
    });
  face.add({
    method: 'POST',
    path: '/recording',
    access: { scope: face.control },
    async handle(exchange) {
      const body = (await exchange.body()).length === 0 ? {} : await exchange.json();
      await face.turn(exchange, checkInput(wishMembers, body));
      return show(exchange);
    },
  });
  face.add({
    method: 'DELETE',
    path: '/recording',
    access: { scope: face.control },
    async handle(exchange) {
      const { key, recording } = await face.find(exchange);
      const erase = checkInput(
        z.enum(['true', 'false']).default('false'),
        exchange.query.get('erase') ?? undefined,
      );
      if (recording !== undefined) await face.turn(exchange, null);
      if (erase === 'true') await recordings.delete(key);
      return { status: 204 };
    },
  });
}

function pictureAt(exchange: Exchange, shown: ShownAt): Reply {
  switch (shown.kind) {
    case 'nothing':
      throw nothing(shown.reason);
    case 'gap': {
      const { from, to, reason } = shown.gap;
      throw new PlayheadError('not-found', 'What was shown then is not known.', {
        extensions: { reason: 'gap', gap: { from: iso(from), to: to === null ? null : iso(to), reason } },
      });
    }
    case 'shown': {
      const { head, jpeg } = shown.frame;
      const position = formatPosition(shown.position);
      const etag = `"${position}"`;
      const headers = {
        etag,
        'cache-control': shown.final ? FINAL : CHANGING,
        'x-frame-position': position,
        'x-frame-number': String(head.number),
        'x-frame-timestamp': String(head.time),
        'x-frame-size': `${head.width}x${head.height}`,
      };
      if (exchange.request.headers['if-none-match'] === etag) return { status: 304, headers };
      return {
        headers: {
          ...headers,
          'content-type': 'image/jpeg',
          'content-security-policy': "sandbox; default-src 'none'",
          'x-content-type-options': 'nosniff',
        },
        body: jpeg,
      };
    }
  }
}

function recordingView(
  key: StreamKey,
  about: RecordingAbout,
  recording: Recording | undefined,
): Readonly<Record<string, unknown>> {
  const running = recording?.running;
  return {
    stream: nameOf(key),
    recording: running !== undefined,
    ...(running === undefined ? {} : { since: iso(running.since), fps: running.fps }),
    from: iso(about.from),
    to: iso(about.to),
    earliest: formatPosition(about.earliest),
    latest: formatPosition(about.latest),
    bytes: about.bytes,
    gaps: about.gaps.map(({ from, to, reason }) => ({
      from: iso(from),
      to: to === null ? null : iso(to),
      reason,
    })),
    gaps_omitted: about.gapsOmitted,
    closed: about.closed,
  };
}

function nothing(reason: Extract<ShownAt, { kind: 'nothing' }>['reason']): PlayheadError {
  return new PlayheadError('not-found', SENTENCES[reason], { extensions: { reason } });
}

const SENTENCES: Readonly<Record<Extract<ShownAt, { kind: 'nothing' }>['reason'], string>> = {
  'not-recorded': 'It was not recorded, or what was is no longer kept.',
  before: 'That is before the recording begins.',
  trimmed: 'What was recorded then is no longer kept.',
  erased: 'What was recorded then was erased.',
};

function iso(time: number): string {
  return new Date(time).toISOString();
}
