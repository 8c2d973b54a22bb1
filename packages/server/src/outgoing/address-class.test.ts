import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { addressClass } from './address-class.ts';

describe('what an address is', () => {
  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '99.255.255.255',
    '100.128.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '2606:4700::1111',
    '2a00:1450:4001::8a',
  ])('D-22 %s is public', (address) => expect(addressClass(address)).toBe('public'));

  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.1.1',
    '100.64.0.1',
    '100.127.255.255',
    '::1',
    'fe80::1',
    'fec0::1',
    'fc00::1',
    'fd12:3456::1',
  ])('D-22 %s is private', (address) => expect(addressClass(address)).toBe('private'));

  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'this network'],
    ['::', 'unspecified'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['240.0.0.1', 'reserved'],
    ['192.0.0.192', 'reserved'],
    ['192.0.2.1', 'for documents'],
    ['198.18.0.1', 'for benchmarks'],
    ['2001:db8::1', 'for documents'],
    ['::ffff:127.0.0.1', 'IPv4-mapped'],
    ['::ffff:8.8.8.8', 'IPv4-mapped, public'],
    ['::ffff:7f00:1', 'IPv4-mapped in hexadecimal'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b::8.8.8.8', 'NAT64, public'],
    ['64:ff9b:1::a00:1', 'local NAT64'],
    ['2002:7f00:1::', '6to4'],
    ['2001:0:1234::1', 'Teredo'],
    ['100::1', 'discard'],
    ['4000::1', 'not given out'],
    ['5f00::1', 'segment routing'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata of containers'],
    ['100.100.100.200', 'metadata in a range of carriers'],
    ['168.63.129.16', 'metadata in a public range'],
    ['fd00:ec2::254', 'metadata over IPv6'],
    ['fe80::1%eth0', 'a zone'],
    ['2606:4700::1%1', 'a zone'],
    ['localhost', 'no address'],
    ['', 'no address'],
  ])('D-22 %s is special: %s', (address) => expect(addressClass(address)).toBe('special'));

  test('D-22 no IPv6 address that embeds an IPv4 address is public, whatever that one is', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const { octets } = ipaddr.IPv4.parse(address);
        const [a = 0, b = 0, c = 0, d = 0] = octets;
        const low = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const form of [
          `::ffff:${low}`,
          `::${low}`,
          `64:ff9b::${low}`,
          `2002:${low}::1`,
          `::ffff:0:${low}`,
        ])
          expect(addressClass(form)).not.toBe('public');
      }),
    );
  });

  test('D-22 every way to write an IPv6 address has one class', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const parsed = ipaddr.IPv6.parse(address);
        const wanted = addressClass(address);
        for (const form of [parsed.toString(), parsed.toNormalizedString()])
          expect(addressClass(form.toUpperCase())).toBe(wanted);
      }),
    );
  });
});
