import type { StreamPage } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { ask } from '../ask.ts';
import { commandPath, eventsPath, lines, readEvents, start, startCommand } from '../commands.ts';
import { jsonOf, openEvents } from '../event-reader.ts';
import { makeKey } from '../keys.ts';
import { readAll } from '../streams.ts';
import { target } from '../target.ts';
import { until } from '../within.ts';

interface Complete {
  readonly exit_code: number;
  readonly duration_ms: number;
  readonly ending: { readonly kind: string };
}

describe('6 Commands', () => {
  test('P-61 a command is started and answered at once, for those who may', async () => {
    const begun = performance.now();
    const answer = await start('sleep 20');
    expect(answer.status).toBe(202);
    expect(performance.now() - begun).toBeLessThan(15_000);
    const { data, meta } = answer.json<{ data: Record<string, unknown>; meta: Record<string, unknown> }>();
    expect(data).toMatchObject({
      id: expect.any(String) as string,
      stream_url: expect.any(String) as string,
    });
    expect(meta).toMatchObject({ request_id: expect.any(String) as string });
    expect((await ask(commandPath(String(data['id'])), { method: 'DELETE' })).status).toBe(200);
    const { key } = await makeKey({ scopes: ['projects:read', 'streams:write'] });
    const path = `/projects/${target.project}/shell`;
    expect((await ask(path, { method: 'POST', key, body: { command: 'true' } })).status).toBe(403);
    expect((await start('')).status).toBe(400);
  });

  test('P-62 its events are connected, output and complete, from the first line', async () => {
    const id = await startCommand('echo one; echo two >&2; exit 3');
    await readEvents(id);
    const frames = await readEvents(id);
    expect(frames[0]?.event).toBe('connected');
    expect(frames.at(-1)?.event).toBe('complete');
    expect(lines(frames).toSorted()).toEqual(['one', 'two']);
    const quiet = await startCommand('sleep 60');
    using reader = await openEvents(eventsPath(quiet));
    await reader.named('heartbeat');
    expect((await ask(commandPath(quiet), { method: 'DELETE' })).status).toBe(200);
  });

  test('P-63 output is {line, stream}, and a line that is too long is cut between characters', async () => {
    const id = await startCommand(`awk 'BEGIN { for (i = 0; i < 50000; i++) printf "ä𝄞"; print "" }'`);
    const frames = await readEvents(id);
    const outputs = frames.filter(({ event }) => event === 'output');
    expect(outputs.length).toBeGreaterThan(1);
    for (const frame of outputs) {
      expect(Buffer.byteLength(frame.data ?? '')).toBeLessThanOrEqual(60 * 1024);
      expect(jsonOf<object>(frame)).toMatchObject({ line: expect.any(String) as string, stream: 'stdout' });
    }
    expect(lines(frames).join('')).toBe('ä𝄞'.repeat(50_000));
  });

  test('P-64 complete comes once and last, with the exit code', async () => {
    const frames = await readEvents(await startCommand('echo x; exit 7'));
    const found = frames.filter(({ event }) => event === 'complete');
    expect([found.length, frames.at(-1)]).toEqual([1, found[0]]);
    const [complete] = found;
    if (complete === undefined) throw new Error('no complete');
    const { exit_code, duration_ms, ending } = jsonOf<Complete>(complete);
    expect([exit_code, ending.kind]).toEqual([7, 'exited']);
    expect(Number.isInteger(duration_ms) && duration_ms >= 0).toBe(true);
  });

  test('P-66 it is resumed at an id, on either face', async () => {
    const id = await startCommand('for i in 1 2 3 4; do echo $i; done');
    const frames = await readEvents(id);
    const second = frames.find(
      (frame) => frame.event === 'output' && jsonOf<{ line: string }>(frame).line === '2',
    );
    for (const { event, id: position } of frames) {
      const named = ['output', 'error', 'complete'].includes(event ?? '');
      expect([event, position !== undefined]).toEqual([event, named]);
    }
    const rest = await readEvents(id, second?.id);
    expect(lines(rest)).toEqual(['3', '4']);
    const page = await ask(`/v1/streams/commands/${id}?after=${second?.id}`);
    const events = page.json<StreamPage>().events.filter(({ type }) => type === 'output');
    expect(events.map(({ data }) => (data as { line: string }).line)).toEqual(['3', '4']);
  });

  test('P-67 an id that the server made opens the events without a key', async () => {
    const id = await startCommand('echo open');
    await readEvents(id);
    using reader = await openEvents(eventsPath(id), { key: null });
    expect(reader.status).toBe(200);
    await reader.end();
    expect(lines(reader.frames)).toEqual(['open']);
    expect((await ask(eventsPath('cmd_guessed'), { key: null })).status).toBe(401);
    expect((await ask(`/v1/streams/commands/${id}`, { key: null })).status).toBe(401);
  });

  test('P-68 readers do not influence it', async () => {
    const id = await startCommand('for i in $(seq 1 2000); do echo "line $i"; done; sleep 1; echo last');
    {
      using leaves = await openEvents(eventsPath(id));
      await leaves.named('connected');
    }
    const frames = await readEvents(id);
    expect(lines(frames)).toHaveLength(2001);
    expect(lines(frames).at(-1)).toBe('last');
    expect(jsonOf<Complete>(frames.at(-1) ?? { text: '', id: '', event: '', data: '{}' }).exit_code).toBe(0);
  });

  test('P-69 commands are listed, shown and stopped', async () => {
    const id = await startCommand("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    await until(
      async () => (await readAll(`commands/${id}`)).some(({ type }) => type === 'output'),
      'its first line',
    );
    const listed = await ask(`/projects/${target.project}/commands`);
    expect(listed.text).toContain(id);
    expect((await ask(commandPath(id))).json<{ data: { id: string } }>().data.id).toBe(id);
    expect((await ask(commandPath(id), { method: 'DELETE' })).status).toBe(200);
    const last = (await readEvents(id)).at(-1);
    expect(last?.event).toBe('complete');
    expect(jsonOf<Complete>(last ?? { text: '', id: '', event: '', data: '{}' }).ending.kind).toBe('stopped');
    expect((await ask(commandPath('cmd_none'))).status).toBe(404);
  });
});
