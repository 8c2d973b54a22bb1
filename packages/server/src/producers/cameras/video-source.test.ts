import { expect, test } from 'vitest';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import type { OpenVideo, VideoEnd, VideoRequest, VideoTarget } from '../../video/video.ts';
import { type Prepared, VideoSource, type VideoSourceParts } from './video-source.ts';

/** A reader of video that does what it is told to. */
class Opened implements OpenVideo {
  readonly target: VideoTarget;
  readonly pid = 1;
  readonly #end = Promise.withResolvers<VideoEnd>();
  readonly ended: Promise<VideoEnd> = this.#end.promise;
  took = 0;
  disposed = false;
  #number = 0;

  constructor(target: VideoTarget) {
    this.target = target;
  }

  taken(count: number): void {
    this.took = count;
  }

  [Symbol.dispose](): void {
    this.disposed = true;
  }

  async end(how: VideoEnd): Promise<void> {
    this.#end.resolve(how);
    await turn();
  }

  shoot(time: number): void {
    this.target.picture({ number: ++this.#number, jpeg: Buffer.from('j'), width: 2, height: 1, time });
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

interface Setup {
  readonly source: VideoSource;
  readonly clock: ManualClock;
  readonly opened: Opened[];
  readonly heard: string[];
  released: number;
  prepared: Promise<Prepared> | undefined;
}

function setup(): Setup {
  const clock = manualClock();
  const opened: Opened[] = [];
  const heard: string[] = [];
  const tell =
    (what: string) =>
    (...rest: unknown[]): void =>
      void heard.push([what, ...rest].join(' '));
  const parts: VideoSourceParts = {
    clock,
    video: {
      open(_request: VideoRequest, target: VideoTarget) {
        const one = new Opened(target);
        opened.push(one);
        return one;
      },
    },
    request: { id: 'a', fps: null, width: null, quality: 80, detector: null, openMs: 1000 },
    retryMaxMs: 4000,
    prepare: () =>
      it.prepared ??
      Promise.resolve({
        ...{ kind: 'open', source: { kind: 'device', path: '/dev/video0' } },
        release: () => void it.released++,
      }),
    heard: {
      opening: tell('opening'),
      opened: () => tell('opened')(),
      arrived: (time) => (tell('arrived')(time), time + 1000),
      detected: ({ time, number }) => tell('detected')(number, time),
      corrupt: tell('corrupt'),
      detectorFailed: tell('detector'),
      failed: tell('failed'),
      restarting: (_message, ms) => tell('restarting')(ms),
      over: tell('over'),
      closed: tell('closed'),
    },
  };
  const it: Setup = {
    ...{ source: new VideoSource(parts), clock, opened, heard },
    ...{ released: 0, prepared: undefined },
  };
  return it;
}

const ABOUT = { width: 2, height: 1, fps: 10, codec: 'raw' };

test('D-30 a process that dies is replaced within 100 ms, then after twice as long, until a frame comes', async () => {
  const it = setup();
  const film = await it.source.start({ arrived() {} });
  await turn();
  for (const wait of [50, 100, 200]) {
    await it.opened.at(-1)?.end({ kind: 'died', message: 'SIGKILL' });
    expect(it.heard.at(-1)).toBe(`restarting ${wait}`);
    it.clock.advance(wait);
    await turn();
  }
  expect(it.opened).toHaveLength(4);
  expect(it.released).toBe(3);
  it.opened.at(-1)?.shoot(5);
  await it.opened.at(-1)?.end({ kind: 'died', message: 'SIGKILL' });
  expect(it.heard.at(-1)).toBe('restarting 50');
  film?.[Symbol.dispose]();
  it.clock.advance(60_000);
  await turn();
  expect(it.opened).toHaveLength(4);
  expect(it.heard.at(-1)).toBe('closed');
});

test('D-30 a source that fails is tried again more and more seldom, and says why', async () => {
  const it = setup();
  using _film = await it.source.start({ arrived() {} });
  await turn();
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    await it.opened.at(-1)?.end({ kind: 'failed', reason: 'unreachable', message: 'nobody there' });
    waits.push(Number(it.heard.at(-1)?.split(' ').at(-1)));
    it.clock.advance(waits.at(-1) ?? 0);
    await turn();
  }
  expect(waits).toEqual([1000, 2000, 4000, 4000]);
  expect(it.heard.filter((text) => text.startsWith('failed unreachable nobody there'))).toHaveLength(4);
});

test('CC-21 what was taken is counted anew for each opening, so that a new one has room', async () => {
  const it = setup();
  const film = await it.source.start({ arrived() {} });
  await turn();
  it.opened[0]?.target.opened(ABOUT);
  it.opened[0]?.shoot(1);
  it.opened[0]?.shoot(2);
  film?.taken(2);
  expect(it.opened[0]?.took).toBe(2);
  await it.opened[0]?.end({ kind: 'died', message: 'SIGKILL' });
  it.clock.advance(50);
  await turn();
  it.opened[1]?.shoot(3);
  film?.taken(3);
  expect(it.opened[1]?.took).toBe(1);
});

test('D-30 a frame is awaited only while somebody has room for it', async () => {
  const it = setup();
  const film = await it.source.start({ arrived() {} });
  await turn();
  expect(it.source.filming?.waitingSince).toBeUndefined();
  it.opened[0]?.target.opened(ABOUT);
  const begun = it.clock.now();
  expect(it.source.filming?.waitingSince).toBe(begun);
  it.clock.advance(10);
  it.opened[0]?.shoot(1);
  expect(it.source.filming?.waitingSince).toBe(begun + 10);
  it.opened[0]?.shoot(2);
  expect(it.source.filming?.waitingSince).toBeUndefined();
  it.clock.advance(10);
  film?.taken(1);
  expect(it.source.filming?.waitingSince).toBe(begun + 20);
});

test('F7 what is found is told by the time that its frame is known by', async () => {
  const it = setup();
  using _film = await it.source.start({ arrived() {} });
  await turn();
  it.opened[0]?.shoot(7);
  const found = { number: 1, time: 7, width: 2, height: 1, objects: [] };
  it.opened[0]?.target.detected(found);
  it.opened[0]?.target.detected({ ...found, number: 99 });
  expect(it.heard.filter((text) => text.startsWith('detected'))).toEqual(['detected 1 1007']);
});

test('D-22 what is refused is not opened, and what was prepared for nobody is let go', async () => {
  const refused = setup();
  refused.prepared = Promise.resolve({ kind: 'refused', reason: 'forbidden', message: 'not there' });
  using _film = await refused.source.start({ arrived() {} });
  await turn();
  expect(refused.opened).toEqual([]);
  expect(refused.heard.at(-1)).toBe('failed forbidden not there 1000');
  const left = setup();
  const { promise, resolve } = Promise.withResolvers<Prepared>();
  left.prepared = promise;
  const film = await left.source.start({ arrived() {} });
  film?.[Symbol.dispose]();
  const source = { kind: 'device', path: '/dev/video0' } as const;
  resolve({ kind: 'open', source, release: () => void left.released++ });
  await turn();
  expect([left.opened.length, left.released]).toEqual([0, 1]);
});

test('D-30 a file that was played once is over, and is played again for who comes later', async () => {
  const it = setup();
  const film = await it.source.start({ arrived() {} });
  await turn();
  await it.opened[0]?.end({ kind: 'over' });
  it.clock.advance(60_000);
  await turn();
  expect([it.opened.length, it.heard.at(-1)]).toEqual([1, 'over']);
  film?.[Symbol.dispose]();
  using _again = await it.source.start({ arrived() {} });
  await turn();
  expect(it.opened).toHaveLength(2);
});
