import { createSessionKind } from '../../sessions/session-kind.ts';
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

/** How long a server that goes away waits for the ends of its answers, ms. */
const LAST_WORDS_MS = 5_000;

/** Chats: questions, and answers that are streams of their own. Its face is `/chats…`, as its document gives it. */
export function createChats(parts: ChatParts): Producer {
  const { log, hub, records, sse, clock, logger, settings, model } = parts;
  const store = createChatStore(records);
  const live = createLiveAnswers(settings.maxRunning, (key, changed) =>
    hub.demand(key, ({ viewers }) => changed(viewers)),
  );
  const sessions = createSessionKind({
    ...{ kind: KIND, log, hub, records, clock, logger, limits: settings },
    settle: (running) => settleAnswers({ log, hub, running, logger }),
  });

  return {
    kind: KIND,
    searched: chatSearch,
    settle: () => sessions.settle(),
    mount(router) {
      mountChats(router, { log, store, live, clock });
      const answering: AnswerRouteParts = {
        ...{ log, hub, live, model, clock, logger, settings, store, sse },
        sessions: sessions.parts,
        quote: (principal, attachment) => quoteStream(log, principal, attachment),
      };
      mountAnswers(router, answering);
      mountUi(router, answering);
      mountCompletions(router, answering);
    },
    async [Symbol.asyncDispose]() {
      await sessions.close(() => live.idle(), LAST_WORDS_MS);
    },
  };
}
