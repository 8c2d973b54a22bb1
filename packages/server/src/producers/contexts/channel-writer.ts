import { PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { Appended, LogEvent } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Derived } from './derived-event.ts';

/** What one source event means for one channel. */
export interface Portion {
  /** Of the source event. */
  readonly number: number;
  readonly events: readonly Derived[];
}

/** The one writer of a channel of a user. */
const WRITER = 'source';

/**
 * Appends what is derived for one channel, exactly once, whatever is tried again after a crash. The log keeps who wrote
 * last: the number of the source event is the writer's epoch, so a channel may leave numbers out (most source events
 * are nothing to it), one that was written is `repeated`, and an earlier one is `fenced`.
 *
 *     UNSURE ── one portion at a time: fenced (it is there, and all up to the log's epoch) ──▶ UNSURE
 *       └────── appended or repeated ──▶ SURE ── any number of portions at once
 *
 * Until it is sure how far an earlier process came, portions must go one by one: a batch that reached over that place
 * would be newer than it, and would repeat what lies before.
 */
export class ChannelWriter {
  readonly #hub: Pick<Hub, 'append'>;
  readonly #key: StreamKey;
  #sure = false;

  constructor(hub: Pick<Hub, 'append'>, key: StreamKey) {
    this.#hub = hub;
    this.#key = key;
  }

  /**
   * Writes portions, in the order of their numbers. Calls wait for each other at the caller's. `written` gets the
   * offset of each portion's first event that is new. Rejects if the log refuses; the same call may be made again.
   */
  async write(
    portions: readonly Portion[],
    written: (portion: Portion, first: number) => void,
  ): Promise<void> {
    let rest = portions;
    let skip = -1;
    while (!this.#sure) {
      const [next, ...others] = rest;
      if (next === undefined) return;
      rest = others;
      if (next.number <= skip) continue;
      const result = await this.#append(next.number, next.events);
      switch (result.kind) {
        case 'fenced':
          skip = result.epoch;
          break;
        case 'appended':
        case 'repeated':
          this.#sure = true;
          written(next, result.position.offset - next.events.length + 1);
          break;
        default:
          throw unwritable(result);
      }
    }
    const last = rest.at(-1);
    if (last === undefined) return;
    const result = await this.#append(
      last.number,
      rest.flatMap(({ events }) => events),
    );
    if (result.kind !== 'appended' && result.kind !== 'repeated') throw unwritable(result);
    let offset = result.position.offset + 1 - rest.reduce((sum, { events }) => sum + events.length, 0);
    for (const portion of rest) {
      written(portion, offset);
      offset += portion.events.length;
    }
  }

  #append(number: number, events: readonly Derived[]): Promise<Appended> {
    const batch = events.map(({ type, data }): LogEvent => ({ type, data }));
    return this.#hub.append(this.#key, batch, {
      guard: { kind: 'writer', id: WRITER, epoch: number, sequence: 0 },
    });
  }
}

function unwritable({ kind }: Appended): PlayheadError {
  return new PlayheadError('internal', `A channel could not be written: ${kind}.`);
}
