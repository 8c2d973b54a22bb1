import { expect, test } from 'vitest';
import { addressList } from '../runtime/address.ts';
import { callerAddress } from './caller-address.ts';

const trusted = addressList(['10.0.0.0/8', 'fd00::/8']);

test.each<[peer: string, forwarded: string | undefined, expected: string, why: string]>([
  ['192.0.2.1', '203.0.113.1', '192.0.2.1', 'the peer is no proxy'],
  ['10.0.0.1', undefined, '10.0.0.1', 'nothing forwarded'],
  ['10.0.0.1', '203.0.113.1', '203.0.113.1', 'one proxy'],
  ['::ffff:10.0.0.1', '203.0.113.1', '203.0.113.1', 'one proxy, through a dual-stack socket'],
  ['10.0.0.1', '1.2.3.4, 203.0.113.1, 10.9.9.9', '203.0.113.1', 'two proxies; what stands before is a claim'],
  ['10.0.0.1', '10.1.1.1, 10.2.2.2', '10.1.1.1', 'proxies all the way'],
  ['10.0.0.1', 'rubbish', '10.0.0.1', 'no address'],
  ['10.0.0.1', '203.0.113.1, rubbish', '10.0.0.1', 'no address before a proxy'],
  ['fd00::1', '2001:db8::1', '2001:db8::1', 'IPv6'],
])('D-24 from %s with %s it is %s: %s', (peer, forwarded, expected) => {
  expect(callerAddress(peer, forwarded, trusted)).toBe(expected);
});

test('D-24 without trusted proxies nothing forwarded counts', () => {
  expect(callerAddress('10.0.0.1', '203.0.113.1', undefined)).toBe('10.0.0.1');
});
