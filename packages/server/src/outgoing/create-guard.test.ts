import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../runtime/manual-clock.ts';
import { NO_NETWORKS, networkList } from '../runtime/network-list.ts';
import { isBlockedPort } from './blocked-ports.ts';
import { createGuard, type GuardParts } from './create-guard.ts';
import { plainHost } from './plain-host.ts';

function guardWith(parts: Partial<GuardParts> = {}): ReturnType<typeof createGuard> {
  return createGuard({
    clock: manualClock(),
    allowPrivate: false,
    allowed: NO_NETWORKS,
    resolveMs: 1000,
    resolve: () => Promise.reject(new Error('no such name')),
    ownAddresses: () => [],
    ...parts,
  });
}

/** A resolver that knows one answer for every name. */
const answering =
  (...addresses: string[]) =>
  (): Promise<readonly string[]> =>
    Promise.resolve(addresses);

describe('hosts in odd spellings', () => {
  const LOOPBACK = [
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0X7F.0x0.0.01',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '１２７.0.0.1',
    '127。0。0。1',
    '①②⑦.0.0.1',
    '%31%32%37.0.0.1',
    '::1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
    '[::ffff:127.0.0.1]',
    '[::FFFF:7F00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '0',
    '0.0.0.0',
    '[::]',
    '[fe80::1]',
    '169.254.169.254',
    '0xa9fea9fe',
    '2852039166',
  ];

  test.each(LOOPBACK)('D-22 %s is refused', async (host) => {
    const guard = guardWith({ resolve: answering('8.8.8.8') });
    expect(await guard.reach({ host, port: 80 })).toMatchObject({ kind: 'refused', reason: 'address' });
  });

  test.each([
    '',
    ' ',
    '.',
    '..',
    'a..',
    'a b',
    'a/b',
    'a@b',
    'a:80',
    '127.0.0.1:80',
    '[::1]:80',
    '[::1%25eth0]',
    '[fe80::1%eth0]',
    'fe80::1%eth0',
    '::1%lo',
    '[127.0.0.1]',
    '256.256.256.256',
    '0x100000000',
    '1.2.3.4.5',
    'exa\tmple.com',
    'exa\nmple.com',
    'a\\b',
    '\0',
    'x'.repeat(256),
  ])('D-22 %j is no host', async (host) => {
    const guard = guardWith({ resolve: answering('8.8.8.8') });
    expect(await guard.reach({ host, port: 80 })).toMatchObject({ kind: 'refused', reason: 'host' });
  });

  test('D-22 a name is resolved in its one spelling', async () => {
    const asked: string[] = [];
    const guard = guardWith({
      resolve(host) {
        asked.push(host);
        return Promise.resolve(['93.184.215.14']);
      },
    });
    for (const host of [
      'EXAMPLE.com',
      'example.com.',
      'ｅxample.com',
      'bücher.example',
      'xn--bcher-kva.example',
    ])
      await guard.reach({ host, port: 443 });
    expect(asked).toEqual([
      'example.com',
      'example.com',
      'example.com',
      'xn--bcher-kva.example',
      'xn--bcher-kva.example',
    ]);
  });

  test('D-22 every way to write an IPv4 address is judged as that address', async () => {
    const guard = guardWith();
    const radix = fc.constantFrom(
      (n: number) => String(n),
      (n: number) => `0x${n.toString(16)}`,
      (n: number) => `0${n.toString(8)}`,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.ipV4(),
        fc.array(radix, { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('', '.'),
        async (address, written, parts, dot) => {
          const octets = address.split('.').map(Number);
          const head = octets.slice(0, parts - 1);
          const tail = octets.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0);
          const odd = [...head, tail].map((n, i) => written[i]?.(n) ?? String(n)).join('.') + dot;
          const plain = await guard.reach({ host: address, port: 80 });
          expect(plainHost(odd)).toBe(address);
          expect(await guard.reach({ host: odd, port: 80 })).toEqual(plain);
        },
      ),
    );
  });
});

describe('what may be reached', () => {
  test('D-22 a public name gives its addresses', async () => {
    const guard = guardWith({ resolve: answering('93.184.215.14', '2606:2800::1') });
    expect(await guard.reach({ host: 'example.com', port: 443 })).toEqual({
      kind: 'open',
      host: 'example.com',
      addresses: ['93.184.215.14', '2606:2800::1'],
      outside: true,
    });
  });

  test('D-22 of a name with several addresses only those that are open are given', async () => {
    const guard = guardWith({ resolve: answering('10.0.0.1', '93.184.215.14', '::1') });
    expect(await guard.reach({ host: 'mixed.example', port: 443 })).toMatchObject({
      kind: 'open',
      addresses: ['93.184.215.14'],
    });
  });

  test('D-22 a name whose addresses are private is refused, one without an address is not resolved', async () => {
    const inside = guardWith({ resolve: answering('192.168.0.9') });
    expect(await inside.reach({ host: 'intranet.example', port: 80 })).toMatchObject({ reason: 'address' });
    expect(await guardWith().reach({ host: 'nowhere.example', port: 80 })).toEqual({
      kind: 'unresolved',
      host: 'nowhere.example',
    });
  });

  test('D-22 the resolver is asked once, so a changed answer changes nothing', async () => {
    let asked = 0;
    const guard = guardWith({
      resolve: () => Promise.resolve([asked++ === 0 ? '93.184.215.14' : '127.0.0.1']),
    });
    expect(await guard.reach({ host: 'rebind.example', port: 80 })).toMatchObject({
      addresses: ['93.184.215.14'],
    });
    expect(asked).toBe(1);
    expect(await guard.reach({ host: 'rebind.example', port: 80 })).toMatchObject({ kind: 'refused' });
  });

  test('D-22 a resolver that does not answer is given up', async () => {
    const clock = manualClock();
    const guard = guardWith({ clock, resolve: () => new Promise(() => {}) });
    const reached = guard.reach({ host: 'slow.example', port: 80 });
    clock.advance(1000);
    expect(await reached).toMatchObject({ kind: 'unresolved' });
  });

  test('D-22 public addresses of this machine count as private', async () => {
    const guard = guardWith({ ownAddresses: () => ['93.184.215.14'] });
    expect(await guard.reach({ host: '93.184.215.14', port: 80 })).toMatchObject({ reason: 'address' });
  });

  test.each([25, 22, 6000, 0, 65_536, -1, 1.5, Number.NaN])('D-22 port %d is refused', async (port) => {
    expect(isBlockedPort(port)).toBe(true);
    expect(await guardWith().reach({ host: '8.8.8.8', port })).toMatchObject({ reason: 'port' });
  });

  test('D-22 PLAYHEAD_ALLOW_PRIVATE_NETWORKS opens private networks, and neither metadata nor nobody', async () => {
    const guard = guardWith({ allowPrivate: true });
    for (const host of [
      '127.0.0.1',
      '10.1.2.3',
      '[::1]',
      '[fd00::1]',
      '169.254.1.1',
      '100.64.0.1',
      '8.8.8.8',
    ])
      expect(await guard.reach({ host, port: 80 }), host).toMatchObject({ kind: 'open' });
    for (const host of ['169.254.169.254', '0.0.0.0', '224.0.0.1', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]'])
      expect(await guard.reach({ host, port: 80 }), host).toMatchObject({ reason: 'address' });
  });

  test('D-22 a list opens what it names, for everybody or for one caller', async () => {
    const resolve = (host: string): Promise<readonly string[]> =>
      Promise.resolve(host === 'intranet.example' ? ['10.0.0.5'] : ['10.9.9.9']);
    const guard = guardWith({ allowed: networkList(['intranet.example', '127.0.0.1:3000']), resolve });
    const also = networkList(['10.9.0.0/16', '169.254.169.254']);
    expect(await guard.reach({ host: 'intranet.example', port: 80 })).toMatchObject({
      addresses: ['10.0.0.5'],
    });
    expect(await guard.reach({ host: '10.0.0.5', port: 80 })).toMatchObject({ kind: 'refused' });
    expect(await guard.reach({ host: '127.0.0.1', port: 3000 })).toMatchObject({ kind: 'open' });
    expect(await guard.reach({ host: '0x7f.1', port: 3000 })).toMatchObject({ kind: 'open' });
    expect(await guard.reach({ host: '127.0.0.1', port: 8080 })).toMatchObject({ kind: 'refused' });
    expect(await guard.reach({ host: 'other.example', port: 80 })).toMatchObject({ kind: 'refused' });
    expect(await guard.reach({ host: 'other.example', port: 80, also })).toMatchObject({ kind: 'open' });
    expect(await guard.reach({ host: '169.254.169.254', port: 80, also })).toMatchObject({ kind: 'open' });
  });
});

describe('lists of networks', () => {
  test('D-22 names, wildcards, addresses, networks, ports', () => {
    const list = networkList(['*.Example.org', 'BÜCHER.example:8443', 'fd00::/8', '[::1]:3000', '10.0.0.1']);
    expect(list.lists('a.example.org', '', 80)).toBe(true);
    expect(list.lists('a.b.example.org', '', 80)).toBe(true);
    expect(list.lists('example.org', '', 80)).toBe(false);
    expect(list.lists('badexample.org', '', 80)).toBe(false);
    expect(list.lists('xn--bcher-kva.example', '', 8443)).toBe(true);
    expect(list.lists('xn--bcher-kva.example', '', 443)).toBe(false);
    expect(list.lists('x', 'fd12::1', 443)).toBe(true);
    expect(list.lists('x', '::1', 3000)).toBe(true);
    expect(list.lists('x', '::1', 3001)).toBe(false);
    expect(list.lists('x', '10.0.0.1', 9)).toBe(true);
    expect(list.lists('x', '10.0.0.2', 9)).toBe(false);
  });

  test.each([
    '',
    '10.0.0.0/33',
    '*',
    '*.',
    'a b',
    'http://x',
    'x:0',
    'x:99999',
    '[10.0.0.1]',
    '[::1',
    '0x7f.1',
    '*.127.1',
  ])('D-22 %j is refused', (entry) => expect(() => networkList([entry])).toThrow(RangeError));
});

test('D-22 the port of RTSP is open to who speaks it, and closed to who speaks HTTP', async () => {
  const guard = guardWith();
  const target = { host: '93.184.215.14', port: 554 };
  expect(await guard.reach(target)).toMatchObject({ kind: 'refused', reason: 'port' });
  expect(await guard.reach({ ...target, protocol: 'rtsp' })).toMatchObject({ kind: 'open' });
  expect(await guard.reach({ ...target, port: 25, protocol: 'rtsp' })).toMatchObject({ kind: 'refused' });
});
