import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub } from '../../hub/create-hub.ts';
import type { AttachRequest, Encoding, Hub, Sink, Subscription } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import { base64Of, encodeFrameMessage, jpegOf, readFrameMessage } from '../frame-message.ts';
import type { Film, Frames, FrameSource, FrameTarget } from '../frames.ts';
import { createFrames } from './create-frames.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = streamKey('acme', 'test/frames');
const OTHER = streamKey('acme', 'test/frames.tab_2');
const LINGER = 1000;

/** A source that makes a frame when told to, and knows what became of it. */
class Camera implements FrameSource {
  starts = 0;
  running = 0;
  /** What it was last told. */
  taken = 0;
  refuses = false;
  held: PromiseWithResolvers<void> | undefined;
  #target: FrameTarget | undefined;
  #end: ((how: 'over' | 'again') => void) | undefined;

  async start(target: FrameTarget): Promise<Film | undefined> {
    this.starts++;
    if (this.refuses) return undefined;
    this.#target = target;
    await this.held?.promise;
    this.running++;
    this.taken = 0;
    const { promise, resolve } = Promise.withResolvers<'over' | 'again'>();
    let over = false;
    const end = (how: 'over' | 'again'): void => {
      if (!over) this.running--;
      over = true;
      resolve(how);
    };
    this.#end = end;
    return {
      taken: (count) => {
        this.taken = count;
      },
      ended: promise,
      [Symbol.dispose]: () => end('over'),
    };
  }

  shoot(text: string): void {
    this.#target?.arrived({ jpeg: Buffer.from(text), width: 2, height: 1, time: 7, about: { tab_id: 't' } });
  }

  end(how: 'over' | 'again'): void {
    this.#end?.(how);
  }
}

const pictures: Encoding = {
  encode: ({ events }) =>
    Buffer.from(
      events
        .map(({ data }) => {
          const frame = data instanceof Uint8Array ? readFrameMessage(data) : undefined;
          return frame === undefined ? '' : `${frame.head.number}:${Buffer.from(frame.jpeg).toString()} `;
        })
        .join(''),
    ),
  frame: (parts) => Buffer.concat(parts),
};

let clock: ManualClock;
let log: EventLog;
let hub: Hub;
let frames: Frames;
let camera: Camera;

beforeEach(() => {
  clock = manualClock();
  log = createMemoryLog({ clock });
  hub = createHub({ log, logger: silent });
  frames = createFrames({ log, hub, clock, logger: silent, lingerMs: LINGER });
  camera = new Camera();
});

afterEach(async () => {
  await frames[Symbol.asyncDispose]();
  hub[Symbol.dispose]();
  await log[Symbol.asyncDispose]();
});

class Viewer implements Sink {
  readonly encoding: Encoding = pictures;
  text = '';
  open = true;
  ended: string | undefined;
  subscription: Subscription | undefined;

  receipt(): void {}
  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString();
    return this.open;
  }
  end(reason: string): void {
    this.ended = reason;
  }
  leave(): void {
    this.subscription?.[Symbol.dispose]();
  }
}

async function view(more: Partial<AttachRequest> = {}, open = true): Promise<Viewer> {
  const viewer = new Viewer();
  viewer.open = open;
  const attached = await hub.attach({ key: KEY, from: 'live', delivery: 'latest', ...more }, viewer);
  if (attached.kind !== 'attached') throw new Error(attached.kind);
  viewer.subscription = attached.subscription;
  await turn();
  return viewer;
}

async function turn(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function shoot(text: string): Promise<void> {
  camera.shoot(text);
  await turn();
}

describe('live pictures', () => {
  it('D-33 a film begins with the first viewer and ends a while after the last', async () => {
    const stream = await frames.open(KEY);
    const feed = frames.feed(camera);
    stream.show(feed);
    await turn();
    expect(camera.starts).toBe(0);
    const first = await view();
    const second = await view();
    expect(camera).toMatchObject({ starts: 1, running: 1 });
    expect(feed.filming).toBe(true);
    first.leave();
    second.leave();
    clock.advance(LINGER - 1);
    expect(camera.running).toBe(1);
    const third = await view();
    clock.advance(LINGER);
    expect(camera).toMatchObject({ starts: 1, running: 1 });
    third.leave();
    clock.advance(LINGER);
    expect(camera.running).toBe(0);
    expect(feed.filming).toBe(false);
    await view();
    expect(camera).toMatchObject({ starts: 2, running: 1 });
  });

  it('F7 whoever opens a stream hears where each frame stands in it', async () => {
    const places: string[] = [];
    const stream = await frames.open(KEY, undefined, (message, position) => {
      places.push(`${readFrameMessage(message)?.head.number} at ${position.offset}`);
    });
    stream.show(frames.feed(camera));
    await view();
    await shoot('a');
    await shoot('b');
    expect(places).toEqual(['1 at 1', '2 at 2']);
  });

  it('CO-14 who joins late gets the newest frame at once, also of a still picture', async () => {
    const stream = await frames.open(KEY);
    stream.show(frames.feed(camera));
    const first = await view();
    await shoot('a');
    await shoot('b');
    const late = await view();
    expect(first.text).toBe('1:a 2:b ');
    expect(late.text).toBe('2:b ');
    expect(camera.starts).toBe(1);
  });

  it('CO-15 the source hears how far the fastest is, whoever is slow', async () => {
    const stream = await frames.open(KEY);
    stream.show(frames.feed(camera));
    const slow = await view({}, false);
    await shoot('a');
    expect(camera.taken).toBe(1);
    // Nobody takes these: the source is not asked for more.
    await shoot('b');
    await shoot('c');
    expect(camera.taken).toBe(1);
    const fast = await view();
    expect(camera.taken).toBe(3);
    await shoot('d');
    expect(camera.taken).toBe(4);
    expect(fast.text).toBe('3:c 4:d ');
    expect(slow.text).toBe('1:a ');
    slow.open = true;
    slow.subscription?.resume();
    await turn();
    expect(slow.text).toBe('1:a 4:d ');
    expect(slow.subscription?.dropped).toBe(2);
  });

  it('CO-15 where all want few frames, newer ones are asked for shortly before they are due', async () => {
    const stream = await frames.open(KEY);
    stream.show(frames.feed(camera));
    const calm = await view({ intervalMs: 60_000 });
    await shoot('a');
    expect(camera.taken).toBe(0);
    clock.advance(59_939);
    expect(camera.taken).toBe(0);
    clock.advance(1);
    expect(camera.taken).toBe(1);
    await shoot('b');
    // One who wants all changes that at once.
    const keen = await view();
    expect(keen.text).toBe('2:b ');
    expect(camera.taken).toBe(2);
    keen.leave();
    calm.leave();
  });

  it('D-1 nothing is held while nobody watches, and who comes then begins with a new frame', async () => {
    const stream = await frames.open(KEY);
    stream.show(frames.feed(camera));
    const first = await view();
    await shoot('old');
    first.leave();
    clock.advance(LINGER);
    await turn();
    const epoch = (await log.bounds(KEY))?.latest.epoch ?? '';
    const slice = await log.read(KEY, { epoch, offset: 0 }, { events: 9, bytes: 9 });
    expect(slice).toMatchObject({ batches: [{ first: 1, events: [{ type: 'frame', data: null }] }] });
    const next = await view();
    expect(next.text).toBe('');
    await shoot('new');
    expect(next.text).toBe('2:new ');
    // Only the newest is kept even so.
    for (let i = 0; i < 10; i++) await shoot('x'.repeat(1000));
    expect((await log.bounds(KEY))?.bytes).toBeLessThan(2000);
  });

  it('CO-14 a stream goes over to another feed, and shows what that one has', async () => {
    const other = new Camera();
    const one = frames.feed(camera);
    const two = frames.feed(other);
    const stream = await frames.open(KEY);
    const beside = await frames.open(OTHER);
    stream.show(one);
    beside.show(two);
    const viewer = await view();
    const theirs = await view({ key: OTHER });
    await shoot('a');
    other.shoot('A');
    await turn();
    stream.show(two);
    await turn();
    expect(viewer.text).toBe('1:a 1:A ');
    // One film of each, and only while somebody sees it.
    expect([camera.running, other.running, other.starts]).toEqual([0, 1, 1]);
    other.shoot('B');
    await turn();
    expect(viewer.text).toBe('1:a 1:A 2:B ');
    expect(theirs.text).toBe('1:A 2:B ');
    expect(other.taken).toBe(2);
    stream.show(null);
    theirs.leave();
    clock.advance(LINGER);
    expect(other.running).toBe(0);
    stream.show(one);
    expect(camera.starts).toBe(2);
  });

  it('CO-14 a film that fails or ends is begun again while somebody watches', async () => {
    const stream = await frames.open(KEY);
    camera.refuses = true;
    stream.show(frames.feed(camera));
    const viewer = await view();
    expect(camera.starts).toBe(1);
    for (const wait of [250, 500, 1000]) {
      clock.advance(wait);
      await turn();
    }
    expect(camera.starts).toBe(4);
    camera.refuses = false;
    clock.advance(2000);
    await turn();
    await shoot('a');
    camera.end('again');
    await turn();
    clock.advance(250);
    await turn();
    expect(camera).toMatchObject({ starts: 6, running: 1 });
    await shoot('b');
    // Numbers go on, and the new film hears of its own frames.
    expect(viewer.text).toBe('1:a 2:b ');
    expect(camera.taken).toBe(1);
    camera.end('over');
    await turn();
    clock.advance(60_000);
    await turn();
    expect(camera.starts).toBe(6);
  });

  it('CO-14 whoever leaves and comes back while a film begins gets that film', async () => {
    const stream = await frames.open(KEY);
    camera.held = Promise.withResolvers();
    stream.show(frames.feed(camera));
    const first = await view();
    camera.shoot('a');
    first.leave();
    clock.advance(LINGER);
    camera.shoot('b');
    const second = await view();
    camera.held.resolve();
    await turn();
    expect(camera).toMatchObject({ starts: 1, running: 1, taken: 2 });
    expect(second.text).toBe('2:b ');
    second.leave();
    clock.advance(LINGER);
    expect(camera.running).toBe(0);
  });

  it('CO-24 the end of a stream ends its viewers and its film, and leaves nothing', async () => {
    const stream = await frames.open(KEY);
    stream.show(frames.feed(camera));
    await expect(frames.open(KEY)).rejects.toMatchObject({ code: 'conflict' });
    const viewer = await view();
    await shoot('a');
    await stream[Symbol.asyncDispose]();
    await turn();
    expect(viewer.ended).toBe('deleted');
    expect(camera.running).toBe(0);
    expect(await log.bounds(KEY)).toBeUndefined();
    await frames.open(KEY);
  });
});

describe('frames as bytes', () => {
  it('P-380 a head, and the picture as it is', () => {
    const head = { number: 3, time: 5, width: 2, height: 1, tab_id: 'täb' };
    const jpeg = Buffer.from([0xff, 0xd8, 1, 2, 0xff, 0xd9]);
    const message = encodeFrameMessage({ head, jpeg });
    expect(readFrameMessage(message)).toEqual({ head, jpeg });
    expect(jpegOf(message)).toEqual(jpeg);
    expect(base64Of(message)).toBe(jpeg.toString('base64'));
    expect(base64Of(message)).toBe(base64Of(message));
    for (const broken of [new Uint8Array(), new Uint8Array([1]), new Uint8Array([0, 9, 1])])
      expect(readFrameMessage(broken)).toBeUndefined();
  });
});
