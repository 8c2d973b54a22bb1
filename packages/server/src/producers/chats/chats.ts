import { createDirectory } from '../../sessions/directory.ts';
import type { SessionParts } from '../../sessions/session.ts';
import { runningSessions } from '../../sessions/session-record.ts';
import type { Producer, ProducerContext } from '../producer.ts';
import { type AnswerRouteParts, mountAnswers } from './answer-routes.ts';
import { KIND } from './chat-id.ts';
import { mountChats } from './chat-routes.ts';
import { createChatStore } from './chat-store.ts';
import { createLiveAnswers } from './live-answers.ts';
import type { Model } from './model.ts';
import { mountCompletions } from './completion-routes.ts';
import { quoteStream } from './quote-stream.ts';
import { chatSearch } from './search-rule.ts';
import type { ChatSettings } from './settings.ts';
import { settleAnswers } from './settle-answers.ts';
import { mountUi } from './ui-routes.ts';

export interface ChatParts extends ProducerContext {
  readonly settings: ChatSettings;
  readonly model: Model;
}

/** How often settling is tried again while the log or the records refuse, ms. */
const SETTLE_AGAIN_MS = 5_000;
/** How long a server that goes away waits for the ends of its answers, ms. */
const LAST_WORDS_MS = 5_000;

/** Chats: questions, and answers that are streams of their own. Its face is `/chats…`, as its document gives it. */
export function createChats(parts: ChatParts): Producer {
  const { log, hub, records, sse, clock, logger, settings, model } = parts;
  const running = runningSessions(records);
  const directory = createDirectory();
  const store = createChatStore(records);
  const live = createLiveAnswers(settings.maxRunning, (key, changed) =>
    hub.demand(key, ({ viewers }) => changed(viewers)),
  );
  const sessions: SessionParts = {
    log,
    append: (key, events, options) => hub.append(key, events, options),
    running,
    directory,
    clock,
    logger,
    limits: settings,
  };
  let again: Disposable | undefined;
  let draining = false;

  async function settleLeft(): Promise<void> {
    const settled = await settleAnswers({ log, hub, running, logger });
    if (!settled && !draining) again = clock.after(SETTLE_AGAIN_MS, () => void settleLeft());
  }

  return {
    kind: KIND,
    searched: chatSearch,
    settle: settleLeft,
    mount(router) {
      mountChats(router, { log, store, live, clock });
      const answering: AnswerRouteParts = {
        ...{ log, hub, sessions, live, model, clock, logger, settings, store, sse },
        quote: (principal, attachment) => quoteStream(log, principal, attachment),
      };
      mountAnswers(router, answering);
      mountUi(router, answering);
      mountCompletions(router, answering);
    },
    async [Symbol.asyncDispose]() {
      draining = true;
      again?.[Symbol.dispose]();
      const { promise: tooLong, resolve } = Promise.withResolvers<void>();
      using _timer = clock.after(LAST_WORDS_MS, resolve);
      for (const session of directory.running(KIND)) session.stop({ kind: 'stopped', by: 'shutdown' });
      await Promise.race([live.idle(), tooLong]);
    },
  };
}
