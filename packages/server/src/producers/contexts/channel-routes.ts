import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { EventLog } from '../../log/event-log.ts';
import { parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import { GLOBAL_CHANNEL, parseChannel, USER_CHANNELS } from './channel-name.ts';
import { beginningOf, type Channel, type Channels } from './channels.ts';
import type { Connections } from './connections.ts';
import type { Feeds } from './feeds.ts';
import type { Publish } from './publish.ts';
import { userOf } from './request-user.ts';
import { isSequenceNumber, sequenceNumber } from './sequence-number.ts';
import { updateJson } from './state-update.ts';
import { broadcastEvent } from './sync-message.ts';
import type { Teams } from './teams.ts';

export interface ChannelRouteParts {
  readonly log: EventLog;
  readonly feeds: Feeds;
  readonly teams: Teams;
  readonly channels: Channels;
  readonly connections: Connections;
  readonly publish: Publish;
}

const PAGE_BYTES = 4 * 1024 * 1024;
const MAX_EVENTS = 1_000;
/** How long a page waits for what is stored already to be in the channel, ms. */
const SETTLE_MS = 1_000;

const said = z.object({ event: broadcastEvent });

/** `/api/v1/channels`: what a client that was away missed (CX-14, D-8), and a way to tell a channel something. */
export function mountChannels(router: Router, parts: ChannelRouteParts): void {
  const path = '/api/v1/channels/:channel/events';
  router.add({
    method: 'GET',
    path: '/api/v1/channels',
    access: { scope: 'contexts:read' },
    handle: (exchange) => list(parts, exchange),
  });
  router.add({
    method: 'GET',
    path,
    access: { scope: 'contexts:read' },
    handle: (exchange) => page(parts, exchange),
  });
  router.add({
    method: 'POST',
    path,
    access: { scope: 'contexts:write' },
    async handle(exchange) {
      const channel = parameter(exchange, 'channel');
      // The operator tells everybody, and is nobody in particular.
      const isGlobal = parseChannel(channel)?.kind === 'global';
      const who = userOf(exchange, isGlobal ? 'operator' : undefined);
      const { event } = checkInput(said, await exchange.json());
      const sent = await parts.publish.broadcast(who, channel, event);
      if (sent.kind === 'sent')
        return {
          status: 201,
          body: { channel, delivered: sent.delivered, sequenceNumber: sent.sequenceNumber },
        };
      throw sent.code === 'channel_not_found' ? noChannel() : new PlayheadError('forbidden', sent.message);
    },
  });
}

async function list({ channels, connections, teams }: ChannelRouteParts, exchange: Exchange): Promise<Reply> {
  const { tenant, user } = userOf(exchange);
  const own = (await teams.list(tenant, user)).map(({ id }) => `team:${id}`);
  const views: object[] = [];
  for (const name of [...USER_CHANNELS, GLOBAL_CHANNEL, ...own]) {
    const channel = await channels.find({ tenant, user }, name);
    const latestSequence =
      channel === undefined ? 0 : sequenceNumber(channel.epochIndex, channel.bounds.latest.offset);
    // How many others hear what the whole server hears is no user's business.
    const subscribers = connections
      .hearing(tenant, user, name)
      .filter(({ identity }) => identity?.tenant === tenant);
    const visible =
      name === GLOBAL_CHANNEL ? subscribers.filter(({ identity }) => identity?.user === user) : subscribers;
    views.push({ channel: name, subscribers: visible.length, latestSequence });
  }
  return { body: { channels: views } };
}

async function page({ log, feeds, channels }: ChannelRouteParts, exchange: Exchange): Promise<Reply> {
  const { tenant, user } = userOf(exchange);
  const name = parameter(exchange, 'channel');
  const kind = parseChannel(name)?.kind;
  const after = numberIn(exchange, 'after');
  const limit = limitIn(exchange);
  if (kind === 'user') await feeds.peek(tenant, user, (feed) => feed.settled(SETTLE_MS));
  const channel = await channels.find({ tenant, user }, name);
  if (channel === undefined) {
    if (kind !== 'user') throw noChannel();
    // Nothing was ever said of this user.
    return {
      body: {
        channel: name,
        events: [],
        latestSequence: 0,
        earliestSequence: 0,
        earliest: 0,
        next: 0,
        epoch: null,
        truncated: false,
      },
    };
  }
  const { from, receipt } = beginningOf(
    channel,
    after ?? sequenceNumber(channel.epochIndex, oldest(channel)),
  );
  const slice = await log.read(channel.key, from, { events: limit, bytes: PAGE_BYTES });
  if (slice.kind === 'missing') throw noChannel();
  // Trimmed since its bounds were looked at: the next request says so by itself.
  const batches = slice.kind === 'events' ? slice.batches : [];
  const events: string[] = [];
  let { offset: next } = from;
  for (const batch of batches) {
    if (batch.epoch !== channel.epoch) break;
    for (let i = 0; i < batch.events.length; i++) {
      const json = updateJson(channel, batch, i);
      if (json !== undefined) events.push(json);
    }
    next = batch.first + batch.events.length - 1;
  }
  const number = (offset: number): number => sequenceNumber(channel.epochIndex, offset);
  const earliest = number(oldest(channel) + 1);
  const head = JSON.stringify({
    channel: name,
    latestSequence: receipt.latest,
    earliestSequence: earliest,
    earliest,
    next: number(next),
    epoch: channel.epoch,
    truncated: receipt.truncated || slice.kind === 'lost',
  });
  return {
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: `${head.slice(0, -1)},"events":[${events.join(',')}]}`,
  };
}

/** Behind which everything that is retained of the current history follows. */
function oldest({ bounds, epoch }: Channel): number {
  return bounds.start.epoch === epoch ? bounds.start.offset : 0;
}

function numberIn(exchange: Exchange, name: string): number | undefined {
  const text = exchange.query.get(name);
  if (text === null || text === '') return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (isSequenceNumber(value)) return value;
  throw new PlayheadError('invalid-request', `${name} is a sequence number.`, {
    extensions: { field: name },
  });
}

function limitIn(exchange: Exchange): number {
  const limit = numberIn(exchange, 'limit') ?? 100;
  if (limit >= 1 && limit <= MAX_EVENTS) return limit;
  throw new PlayheadError('invalid-request', `limit is 1 to ${MAX_EVENTS}.`, {
    extensions: { field: 'limit' },
  });
}

function noChannel(): PlayheadError {
  return new PlayheadError('not-found', 'There is no such channel.');
}
