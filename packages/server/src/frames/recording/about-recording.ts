import type { Position } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Gap, RecordingAbout } from '../recordings.ts';
import { type Entry, readEvents } from './read-events.ts';
import { shownFrom } from './shown-at.ts';

/** Gaps that are remembered of one recording; recordings of which they are. */
const MOST_GAPS = 1_000;
const MOST_RECORDINGS = 1_000;
const PAGE = { events: 512, bytes: 1024 * 1024 } as const;

interface Known {
  readonly created: number;
  next: Position;
  gaps: Gap[];
  omitted: number;
  open: Pick<Gap, 'from' | 'reason'> | undefined;
  /** Of the last event. */
  last: number;
}

/**
 * Says what recordings hold. Gaps are in the recording itself; what was looked through once is remembered, so that
 * only the first look costs as much as the recording is large.
 */
export function createSurvey(log: EventLog): (key: StreamKey) => Promise<RecordingAbout | undefined> {
  const known = new Map<StreamKey, Known>();
  const looking = new Map<StreamKey, Promise<RecordingAbout | undefined>>();

  async function look(key: StreamKey): Promise<RecordingAbout | undefined> {
    const bounds = await log.bounds(key);
    if (bounds === undefined) {
      known.delete(key);
      return undefined;
    }
    let about = known.get(key);
    if (about?.created !== bounds.createdAt) {
      about = { created: bounds.createdAt, next: bounds.start, ...NOTHING, gaps: [] };
    }
    // The last one looked at is the last one forgotten.
    known.delete(key);
    known.set(key, about);
    for (const oldest of known.keys()) {
      if (known.size <= MOST_RECORDINGS) break;
      known.delete(oldest);
    }
    if (!(await readOn(log, key, about))) return undefined;
    const first = await readEvents(log, key, bounds.start, { events: 1, bytes: 1 });
    const from = first?.entries[0]?.time ?? about.last;
    const gaps = about.gaps.filter(({ to }) => to === null || to > from);
    return {
      from,
      to: about.open?.from ?? about.last,
      ...{ earliest: bounds.earliest, latest: bounds.latest, bytes: bounds.bytes },
      gaps: about.open === undefined ? gaps : [...gaps, { ...about.open, to: null }],
      gapsOmitted: about.omitted,
      closed: bounds.closed,
    };
  }

  return (key) => {
    const under = looking.get(key);
    if (under !== undefined) return under;
    const mine = look(key).finally(() => looking.delete(key));
    looking.set(key, mine);
    return mine;
  };
}

const NOTHING = { omitted: 0, open: undefined, last: 0 } as const;

/** Reads what is new. False: there is no such stream any more. */
async function readOn(log: EventLog, key: StreamKey, about: Known): Promise<boolean> {
  for (;;) {
    const read = await readEvents(log, key, about.next, PAGE);
    if (read === undefined) return false;
    // Trimmed under the eyes, or another epoch: a process went without a word.
    if (read.lost && about.last > 0 && read.next.epoch !== about.next.epoch)
      about.open ??= { from: about.last, reason: 'lost' };
    for (const entry of read.entries) take(about, entry);
    about.next = read.next;
    if (read.end) return true;
  }
}

function take(about: Known, entry: Entry): void {
  const { event, time } = entry;
  const before = about.last;
  about.last = time;
  switch (event?.type) {
    case 'gap':
    case 'end':
      about.open ??= { from: event.from, reason: event.reason };
      return;
    case 'begin':
      about.open ??= { from: event.time, reason: 'starting' };
      return;
    case 'frame': {
      if (about.open === undefined) return;
      about.gaps.push({ ...about.open, to: Math.max(shownFrom(entry, before), about.open.from) });
      about.open = undefined;
      if (about.gaps.length <= MOST_GAPS) return;
      about.gaps.shift();
      about.omitted++;
      return;
    }
    case 'still':
    case undefined:
      return;
  }
}
