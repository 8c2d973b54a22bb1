import { describe, expect, test } from 'vitest';
import { type Answer, ask, expectProblem } from '../ask.ts';
import { openEvents } from '../event-reader.ts';
import { makeKey } from '../keys.ts';
import { openTicketSocket } from '../socket.ts';
import { append, datas, freshName, makeStream, streamPath } from '../streams.ts';

interface Ticket {
  readonly ticket: string;
  readonly expires_at: string;
}

const make = (body: unknown, key?: string): Promise<Answer> =>
  ask('/v1/tickets', { method: 'POST', body, ...(key === undefined ? {} : { key }) });

async function ticketFor(body: object, key?: string): Promise<string> {
  const answer = await make(body, key);
  expect(answer.status).toBe(201);
  return answer.json<Ticket>().ticket;
}

describe('10 Tickets', () => {
  test('P-121 a key gets a ticket, for a stream that it may read or for none', async () => {
    const stream = await makeStream();
    for (const body of [{ stream }, {}]) {
      const { ticket, expires_at } = (await make(body)).json<Ticket>();
      expect(ticket).toEqual(expect.any(String));
      expect(Date.parse(expires_at)).toBeGreaterThan(Date.now() - 60_000);
    }
    expectProblem(await make({ stream: freshName() }), 404, 'stream-not-found');
    const { key } = await makeKey({ scopes: ['projects:read'] });
    expectProblem(await make({ stream }, key), 403, 'forbidden');
    expect((await ask('/v1/tickets', { method: 'POST', body: {}, key: null })).status).toBe(401);
  });

  test('P-122 a ticket without a stream opens one socket, with the rights of its key', async () => {
    const stream = await makeStream();
    const { key } = await makeKey({ scopes: ['streams:read'] });
    const ticket = await ticketFor({}, key);
    using socket = await openTicketSocket(ticket);
    await socket.ask({ type: 'subscribe', stream }, 'subscribed');
    expect((await socket.refused({ type: 'delete', stream })).code).toBe('forbidden');
    await expect(openTicketSocket(ticket)).rejects.toThrow('refused');
    const elsewhere = await ticketFor({});
    const page = await ask(`/v1/streams?ticket=${elsewhere}`, { key: null });
    expect([page.status, page.text.includes('"streams"')]).toEqual([expect.toBeOneOf([401, 403]), false]);
  });

  test('P-123 a ticket for a stream reads that stream again and again, and nothing else', async () => {
    const [stream, other] = [await makeStream(), await makeStream()];
    await append(stream, 'here');
    const ticket = await ticketFor({ stream });
    const shown = (path: string, options: object = {}): Promise<Answer> =>
      ask(`${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}`, { key: null, ...options });
    for (let i = 0; i < 2; i++) {
      expect(datas((await shown(streamPath(stream))).json<{ events: [] }>().events)).toEqual(['here']);
    }
    using live = await openEvents(streamPath(stream, `?after=start&ticket=${ticket}`), { key: null });
    expect((await live.logged(1))[0]?.data).toBe('"here"');
    const refused = [
      await shown(streamPath(other)),
      await shown('/v1/streams'),
      await shown(streamPath(stream), { method: 'POST', body: { type: 'n', data: 1 } }),
      await shown(streamPath(stream), { method: 'DELETE' }),
      await shown('/v1/tickets', { method: 'POST', body: { stream } }),
      await shown('/keys'),
    ];
    expect(refused.map(({ status }) => status)).toEqual(
      refused.map(() => expect.toBeOneOf([401, 403]) as number),
    );
    await expect(openTicketSocket(ticket)).rejects.toThrow('refused');
  });

  test('P-124 a ticket does not outlive its key, and an unknown one is 401', async () => {
    const stream = await makeStream();
    const { id, key } = await makeKey({ scopes: ['streams:read'] });
    const ticket = await ticketFor({ stream }, key);
    const read = (text: string): Promise<Answer> =>
      ask(streamPath(stream, `?ticket=${encodeURIComponent(text)}`), { key: null });
    expect((await read(ticket)).status).toBe(200);
    expect((await ask(`/keys/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await read(ticket)).status).toBe(401);
    expect((await read('ticket_of_nobody')).status).toBe(401);
  });
});
