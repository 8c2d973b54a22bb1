import type { Hub } from '../../hub/hub.ts';
import type { EventLog, LogEvent } from '../../log/event-log.ts';
import { nameOf, type StreamKey, tenantOf } from '../../log/stream-key.ts';
import type { Collection } from '../../records/records.ts';
import type { Logger } from '../../runtime/logger.ts';
import { shortened } from '../../sessions/session.ts';
import type { SessionRecord } from '../../sessions/session-record.ts';
import { settle } from '../../sessions/settle.ts';
import { chatStream, KIND } from './chat-id.ts';
import { type AnswerEnding, doneEvent, failureEvent, readAnswerEvent } from './events.ts';
import { keepAnswer } from './start-answer.ts';
import { foldAnswer, readTranscript } from './transcript.ts';

export interface SettleAnswersParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly running: Collection<SessionRecord>;
  readonly logger: Logger;
}

const LOST = 'The server stopped while this was being answered. What was said is kept.';

/**
 * Settles the answers that a crash left behind: they end as `lost`, with what was said kept in their chat. One whose
 * text had reached its chat before the crash ends as that message says. True if none is left.
 */
export function settleAnswers(parts: SettleAnswersParts): Promise<boolean> {
  const { log, running, logger } = parts;
  return settle({
    kind: KIND,
    log,
    running,
    reap: () => Promise.resolve(),
    async lost(_, { key, openedAt }, lastKnown) {
      const ending = (await endingInChat(log, key)) ?? 'lost';
      const done = doneEvent({ ending, duration_ms: Math.max(0, lastKnown - openedAt) });
      return ending === 'lost'
        ? [failureEvent({ code: 'internal', message: LOST, reason: 'lost' }), done]
        : [done];
    },
    async record({ key, last }) {
      const folded = await foldAnswer(log, key);
      if (folded === undefined) return;
      const place = placeOf(key);
      const said = await readTranscript(log, chatStream(place.tenant, place.chat));
      const user = said.at(-1)?.user ?? null;
      await keepAnswer(parts, { ...place, user, text: folded.text, ending: endingOf(last) });
    },
    failed: (key, error) =>
      logger.error({ stream: shortened(key), error }, 'an answer could not be settled yet'),
  });
}

async function endingInChat(log: EventLog, key: StreamKey): Promise<AnswerEnding | undefined> {
  const { tenant, chat, answer } = placeOf(key);
  const said = await readTranscript(log, chatStream(tenant, chat));
  return said.find((message) => message.answer === answer)?.ending;
}

function endingOf(last: LogEvent | null): AnswerEnding {
  const event = last === null ? undefined : readAnswerEvent(last);
  return event?.type === 'done' ? event.ending : 'lost';
}

function placeOf(key: StreamKey): { tenant: string; chat: string; answer: string } {
  const [, chat = '', answer = ''] = nameOf(key).split('/');
  return { tenant: tenantOf(key), chat, answer };
}
