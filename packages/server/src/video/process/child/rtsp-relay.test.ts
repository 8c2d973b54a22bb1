import { expect, test } from 'vitest';
import { withoutOptions } from './rtsp-relay.ts';

test.each([
  ['/live', '/live'],
  ['/live?channel=1&subtype=0', '/live?channel=1&subtype=0'],
  ['/live?multicast', '/live'],
  ['/live?channel=1&multicast&subtype=0', '/live?channel=1&subtype=0'],
  ['/live?multicast?http', '/live'],
  ['/live?multicast?a=1', '/live?multicast?a=1'],
  ['/live?multicast?udp&tcp', '/live'],
  ['/live?a?https&b', '/live?a?b'],
])('D-22 of an address, %s, nothing is left that FFmpeg takes for an option', (path, left) => {
  expect(withoutOptions(path)).toBe(left);
});
