import { expect, test } from 'vitest';
import { encodeFrameMessage } from '../../frames/frame-message.ts';
import { type RecentFrame, RecentFrames } from './recent-frames.ts';

const EPOCH = '0'.repeat(16);

function place(recent: RecentFrames, time: number): RecentFrame | undefined {
  const head = { number: time, time, width: 4, height: 3 };
  return recent.add(encodeFrameMessage({ head, jpeg: Buffer.from('j') }), { epoch: EPOCH, offset: time }, 0);
}

test('F7 a frame is given to who waits for it, once: now, or when it has its place', () => {
  const recent = new RecentFrames();
  const told: string[] = [];
  const wait = (time: number, name: string): void =>
    recent.when(time, (frame) => told.push(`${name} ${frame.time}`));
  place(recent, 1);
  wait(1, 'here');
  wait(2, 'first');
  // Only the last word about a frame counts.
  wait(2, 'second');
  expect(told).toEqual(['here 1']);
  place(recent, 2);
  place(recent, 2);
  expect(told).toEqual(['here 1', 'second 2']);
});

test('so many frames are awaited at once, and the oldest of more are given up', () => {
  const recent = new RecentFrames();
  const told: number[] = [];
  for (let time = 1; time <= 70; time++) recent.when(time, (frame) => told.push(frame.time));
  for (let time = 1; time <= 70; time++) place(recent, time);
  expect(told).toEqual(Array.from({ length: 64 }, (_, i) => i + 7));
});

test('F7 a frame is found by its position, number or time; an older one is lost, and what never was unknown', () => {
  const recent = new RecentFrames(2);
  expect(recent.find({ kind: 'timestamp', timestamp: 1 })).toBe('lost');
  expect(recent.find({ kind: 'number', number: 1 })).toBe('unknown');
  for (const time of [10, 20, 30]) place(recent, time);
  const newest = recent.newest;
  expect(newest).toMatchObject({ time: 30, width: 4, height: 3, objects: undefined, gone: false });
  expect(recent.find({ kind: 'timestamp', timestamp: 30 })).toBe(newest);
  expect(recent.find({ kind: 'number', number: 30 })).toBe(newest);
  expect(recent.find({ kind: 'number', number: 10 })).toBe('lost');
  expect(recent.find({ kind: 'number', number: 25 })).toBe('unknown');
  expect(recent.find({ kind: 'timestamp', timestamp: 10 })).toBe('lost');
  expect(recent.find({ kind: 'timestamp', timestamp: 25 })).toBe('unknown');
  expect(recent.find({ kind: 'position', position: 'nowhere' })).toBe('lost');
  expect(recent.add(Buffer.from('no frame'), { epoch: EPOCH, offset: 4 }, 0)).toBe(undefined);
});
