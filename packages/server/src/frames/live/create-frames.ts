import { PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { FrameFeed, Frames } from '../frames.ts';
import { Feed } from './feed.ts';
import { LiveStream } from './stream.ts';

export interface FramesParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long filming goes on after the last viewer, ms. */
  readonly lingerMs: number;
}

/** Makes what carries live pictures. See frames.ts for what it promises. */
export function createFrames(parts: FramesParts): Frames {
  const streams = new Set<LiveStream>();
  const shared = { ...parts, closed: (stream: LiveStream): boolean => streams.delete(stream) };
  return {
    feed: (source) => new Feed(source, parts),
    async open(key, viewers, placed) {
      const made = await parts.log.create(key, {
        contentType: 'application/octet-stream',
        durability: 'volatile',
        // The newest batch stays whatever its size: one frame.
        retention: { maxAge: null, maxBytes: 1 },
      });
      if (made.kind !== 'created')
        throw new PlayheadError('conflict', 'There is a stream of that name already.');
      const stream = new LiveStream(key, { ...shared, viewers, placed });
      streams.add(stream);
      return {
        key,
        show: (feed) => stream.show(feed === null ? null : own(feed)),
        [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...streams].map((stream) => stream[Symbol.asyncDispose]()));
    },
  };
}

function own(feed: FrameFeed): Feed {
  if (feed instanceof Feed) return feed;
  throw new TypeError('Another made that feed.');
}
