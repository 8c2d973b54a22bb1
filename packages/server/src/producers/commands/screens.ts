import { formatPosition, PlayheadError, type Position } from '@playhead/protocol';
import type { TerminalSize } from '../../launcher/launcher.ts';
import type { Batch, EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Screen } from '../../transports/terminals.ts';
import { createScreenHost } from './screen-host.ts';
import { terminalSizeSchema } from './terminal-size.ts';

export interface ScreenParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What terminals show, each at an exact position of its stream. */
export interface Screens extends Disposable {
  /**
   * The screen at what is the latest position now. Throws `stream-not-found`; `position-lost` if the beginning of
   * the stream is no longer retained, because then nobody knows; `overloaded` if too many are asked for at once.
   */
  at(key: StreamKey): Promise<Screen>;
}

/** Emulators at once. The one that was asked for longest ago makes room. */
const MOST = 8;
/** One that nobody asks is dropped after so long, ms. */
const IDLE_MS = 60_000;
/** Read and fed at once. */
const SLICE = { events: 256, bytes: 1024 * 1024 };

interface Entry {
  readonly id: number;
  /** What its emulator has been fed up to; undefined: nothing. */
  cursor: Position | undefined;
  /** Questions are answered one after the other. */
  turn: Promise<unknown>;
  asked: number;
  idle: Disposable | undefined;
}

/**
 * An emulator is a cursor like any other: it begins at the stream's start when somebody first asks, reads on when
 * somebody asks again, and is dropped when nobody does for a while. So a terminal that nobody joins costs nothing,
 * however much it prints, and one that has ended is shown as one that runs.
 */
export function createScreens({ log, clock, logger }: ScreenParts): Screens {
  const entries = new Map<StreamKey, Entry>();
  let made = 0;
  const host = createScreenHost((error) => {
    logger.error({ error }, 'the emulators have failed; they begin anew');
    for (const key of entries.keys()) forget(key);
  });

  function forget(key: StreamKey): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entry.idle?.[Symbol.dispose]();
    entries.delete(key);
    host.drop(entry.id);
  }

  function open(key: StreamKey): Entry {
    const known = entries.get(key);
    if (known !== undefined) {
      // To the end of the row of those that are to make room.
      entries.delete(key);
      entries.set(key, known);
      return known;
    }
    if (entries.size >= MOST) {
      const [oldest] = [...entries].find(([, { asked }]) => asked === 0) ?? [];
      if (oldest === undefined)
        throw new PlayheadError('overloaded', 'Too many screens are being drawn. Try again.');
      forget(oldest);
    }
    const entry: Entry = {
      id: ++made,
      cursor: undefined,
      turn: Promise.resolve(),
      asked: 0,
      idle: undefined,
    };
    entries.set(key, entry);
    return entry;
  }

  async function draw(key: StreamKey, entry: Entry): Promise<Screen> {
    const bounds = await log.bounds(key);
    if (bounds === undefined) throw missing();
    // What comes meanwhile is not waited for: a terminal that never rests would never be drawn.
    const { latest, start } = bounds;
    let cursor = entry.cursor ?? start;
    if (entry.cursor === undefined && start.offset > 0) throw lost(start);
    while (cursor.epoch !== latest.epoch || cursor.offset < latest.offset) {
      const slice = await log.read(key, cursor, SLICE);
      if (slice.kind === 'missing') throw missing();
      if (slice.kind === 'lost') throw lost(slice.resume);
      if (slice.batches.length === 0) break;
      await host.feed(entry.id, slice.batches.flatMap(stepsOf));
      cursor = slice.next;
      entry.cursor = cursor;
    }
    const { pending, ...screen } = await host.snapshot(entry.id);
    return { position: formatPosition(cursor), ...screen, pending: Buffer.from(pending).toString('base64') };
  }

  return {
    async at(key) {
      const entry = open(key);
      entry.asked++;
      entry.idle?.[Symbol.dispose]();
      const drawn = entry.turn.then(() => draw(key, entry));
      entry.turn = drawn.catch(() => undefined);
      try {
        return await drawn;
      } catch (error) {
        // Whatever it was fed, nobody knows how far it got.
        if (entries.get(key) === entry) forget(key);
        throw error;
      } finally {
        entry.asked--;
        if (entry.asked === 0 && entries.get(key) === entry)
          entry.idle = clock.after(IDLE_MS, () => forget(key));
      }
    },
    [Symbol.dispose]() {
      for (const { idle } of entries.values()) idle?.[Symbol.dispose]();
      entries.clear();
      host.stop();
    },
  };
}

type Step = Uint8Array | TerminalSize;

function stepsOf({ events }: Batch): readonly Step[] {
  return events.flatMap<Step>(({ type, data }) => {
    if (type === 'output' && data instanceof Uint8Array) return [data];
    return type === 'resize' && typeof data === 'string' ? [terminalSizeSchema.parse(JSON.parse(data))] : [];
  });
}

function lost(resume: Position): PlayheadError {
  return new PlayheadError('position-lost', 'What the terminal showed first is no longer retained.', {
    extensions: { resume: formatPosition(resume) },
  });
}

function missing(): PlayheadError {
  return new PlayheadError('stream-not-found', 'There is no such terminal.');
}
