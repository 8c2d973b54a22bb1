import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Computer, computers, createComputer, done, startComputerServer } from '../support/computers.ts';
import { findChromium, findComputersClient, findPython } from '../support/optional.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { startClient } from './client-program.ts';

const chromium = findChromium();
const python = findPython();
const sdk = findComputersClient();

const file = (name: string): string => fileURLToPath(new URL(`python/${name}`, import.meta.url));

describe.skipIf(chromium.missing || python.missing)(
  'clients of computers in the manner of the document',
  () => {
    let site: Site;
    let server: TestServer;
    beforeAll(async () => {
      site = await startSite({ '/': page('home', '<input autofocus>') });
      server = await startComputerServer(site);
    });
    afterAll(async () => {
      await server?.stop();
      await site?.[Symbol.asyncDispose]();
    });

    test('CO-1 CO-3 CO-8 requests with iter_lines sees each event as it happens, and the end', async () => {
      const computer: Computer = await createComputer(server);
      await using client = startClient(python.path, [
        file('computer_streams.py'),
        'events',
        server.url,
        server.key,
        computer.id,
      ]);
      await client.prints('Status: 200\n');
      await client.prints(': receipt {');
      await done(server, computer.id, 'navigate', { url: site.url });
      await client.prints('event: navigation\n');
      await client.prints('event: action_response\n');
      expect(client.printed).not.toContain('terminated');
      await computers(server, 'DELETE', `/${computer.id}`);
      const lines = (await client.end()).trimEnd().split('\n');
      // What is behind `data:` is JSON on every line.
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => JSON.parse(line.slice(5)));
      expect(data.at(-1)).toMatchObject({ type: 'session_state', status: 'terminated' });
      for (const line of lines.slice(1)) expect(line).toMatch(/^(?:: .*|(?:id|event|data|retry): .*)$/);
    });

    test.skipIf(sdk.missing)(
      'CO-16 CO-17 CO-18 CO-20 CO-27 the published Python client, unchanged',
      async () => {
        await using client = startClient(sdk.path, [
          file('computer_sdk.py'),
          server.url,
          server.key,
          site.url,
        ]);
        const printed = await client.end();
        for (const expected of [
          /^Created: comp_[0-9a-f]+$/m,
          /^Navigated: SUCCESS req_\S+ \S+Z$/m,
          /^Typed: SUCCESS$/m,
          /^Clicked: SUCCESS$/m,
          /^Hotkey: SUCCESS$/m,
          /^Waited: SUCCESS$/m,
          /^Screenshot: 200 image\/png$/m,
          /^HTML: True$/m,
          /^Debug: out$/m,
          /^Session extended: \{.*'idle_expires_at': '.*$/m,
          /^Status: running 60$/m,
          /^Kind: browser$/m,
          /^Listed: True$/m,
          /^Batch: SUCCESS$/m,
          /^Tabs: 2$/m,
          /^Switched: SUCCESS$/m,
          /^Closed: SUCCESS$/m,
          /^Sync: sync$/m,
          /^Line: stdout streamed\n*Line: exit 3$/m,
          /^Failed: ERROR True$/m,
          /^Events: 200$/m,
          /^Terminated: 404 error$/m,
          /^Async: done$/m,
        ])
          expect(printed).toMatch(expected);
      },
    );
  },
);
