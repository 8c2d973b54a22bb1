import type { Gate, Standings } from '../../access/gate.ts';
import type { SearchIndex } from '../../search/search.ts';
import type { ContextSource } from '../context-source.ts';
import type { Producer, ProducerContext } from '../producer.ts';
import { KIND } from './channel-name.ts';
import { mountChannels } from './channel-routes.ts';
import { createChannels, openGlobalChannel } from './channels.ts';
import { Connections } from './connections.ts';
import { type ContextRouteParts, mountContexts } from './context-routes.ts';
import { feedRecords } from './feed-record.ts';
import { createFeeds } from './feeds.ts';
import { followSources } from './follow-source.ts';
import { mountHistory } from './history-routes.ts';
import { createIdentify } from './identify.ts';
import { pastContext } from './past-context.ts';
import { createPresence } from './presence.ts';
import { mountPresence } from './presence-routes.ts';
import { createPublish } from './publish.ts';
import { contextSearch } from './search-rule.ts';
import type { ContextSettings } from './settings.ts';
import { createSurface } from './socket-surface.ts';
import { mountTeams } from './team-routes.ts';
import { createTeams } from './teams.ts';

export interface ContextParts extends ProducerContext {
  readonly gate: Gate & Standings;
  readonly search: SearchIndex;
  /** What shows pages to its owners. */
  readonly sources: readonly ContextSource[];
  /** Resolves when the index holds what was committed before. */
  readonly indexed: () => Promise<void>;
  readonly settings: ContextSettings;
}

export interface Contexts extends Producer {
  /** Those that have users: a token may name one that no key is of. */
  tenants(): Promise<ReadonlySet<string>>;
}

/**
 * What users look at, on all their devices, as channels: the socket at `/` and `/ws`, and its history over
 * `/api/v1`, as their document gives them and beyond. It has no sessions: a user's streams go on for ever.
 */
export function createContexts(parts: ContextParts): Contexts {
  const { log, hub, records, sse, clock, logger, gate, search, settings } = parts;
  const kept = feedRecords(records);
  const feeds = createFeeds({ log, hub, records: kept, clock, logger }, settings);
  const teams = createTeams(records, log);
  const channels = createChannels({ log, feeds, teams });
  const connections = new Connections(settings.connections);
  const publish = createPublish({ hub, feeds, channels, connections, clock });
  const presence = createPresence({ log, hub, logger, connections });
  const following = followSources({ log, records, feeds, presence, sources: parts.sources, clock, logger });
  const { rules, limits, rate, checkMs, heartbeatInterval } = settings;
  const surface = createSurface({
    ...{ log, clock, logger, channels, connections, presence, publish },
    ...{ identify: createIdentify(gate), standings: gate },
    ...{ rules, limits, rate, checkMs, heartbeatInterval },
  });

  return {
    kind: KIND,
    searched: contextSearch,
    async tenants() {
      const found = new Set<string>();
      for await (const { tenant } of kept.all()) found.add(tenant);
      return found;
    },
    settle: () => openGlobalChannel(log),
    mount(router, sockets) {
      const { indexed } = parts;
      const past: ContextRouteParts['past'] = (feed, id) =>
        pastContext({ log, search, indexed, clock }, feed, id);
      mountContexts(router, { log, feeds, publish, past, syncs: limits.syncs });
      mountHistory(router, {
        ...{ log, search, feeds, clock, indexed },
        forget: (stream, position) => search.erase(stream, position),
      });
      mountChannels(router, { log, feeds, teams, channels, connections, publish });
      mountTeams(router, { teams, connections, clock });
      mountPresence(router, { presence, channels, sse });
      sockets.serve(surface.face);
    },
    async [Symbol.asyncDispose]() {
      surface[Symbol.dispose]();
      await following[Symbol.asyncDispose]();
      await feeds[Symbol.asyncDispose]();
    },
  };
}
