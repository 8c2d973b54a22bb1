// Answers at the producer's port: a model in the same process, the durable log, and a reader for each, without HTTP.
// Prints one line of JSON with the ages of the pieces when they were read, ms.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHub } from '../../packages/server/src/hub/create-hub.ts';
import { openSqliteLog } from '../../packages/server/src/log/sqlite/sqlite-log.ts';
import { chatStream, KIND } from '../../packages/server/src/producers/chats/chat-id.ts';
import { followAnswer } from '../../packages/server/src/producers/chats/follow-answer.ts';
import { createLiveAnswers } from '../../packages/server/src/producers/chats/live-answers.ts';
import type { AnswerPart, Model } from '../../packages/server/src/producers/chats/model.ts';
import type { ChatSettings } from '../../packages/server/src/producers/chats/settings.ts';
import { startAnswer } from '../../packages/server/src/producers/chats/start-answer.ts';
import { sqliteRecords } from '../../packages/server/src/records/sqlite/sqlite-records.ts';
import { systemClock } from '../../packages/server/src/runtime/clock.ts';
import { createLogger } from '../../packages/server/src/runtime/pino-logger.ts';
import { createDirectory } from '../../packages/server/src/sessions/directory.ts';
import { runningSessions } from '../../packages/server/src/sessions/session-record.ts';

const [answers = 500, perSecond = 50, seconds = 10] = process.argv.slice(2).map(Number);
const now = (): number => performance.now();
const folder = await mkdtemp(join(tmpdir(), 'playhead-chats-'));
const clock = systemClock;
const logger = createLogger({ level: 'error', secrets: [] });
const principal = { keyId: 'bench', tenant: 'bench', userId: null, scopes: new Set(['admin'] as const) };
const limits: ChatSettings = {
  ...{ maxRunning: 1e6, promptBytes: 1e6, answerBytes: 1e8, timeLimitMs: 1e6, noticeMs: 0, stallMs: 1e6 },
  ...{ firstMs: 15_000, gapMs: 10, heartbeatMs: 15_000, uncommittedBytes: 1e6, retryMs: 500 },
  storagePatienceMs: 60_000,
};

const model: Model = {
  name: 'metronome',
  async *answer({ signal }): AsyncGenerator<AnswerPart, void, void> {
    const began = now();
    for (let i = 0; i < perSecond * seconds && !signal.aborted; i++) {
      const wait = began + (i * 1_000) / perSecond - now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      yield { kind: 'text', text: `${now().toFixed(3)} ` };
    }
    yield { kind: 'finish', reason: 'stop' };
  },
};

const ages: number[] = [];
let last = 0;
{
  await using log = await openSqliteLog({
    folder,
    sync: 'normal',
    clock,
    retention: { maxAge: 1e9, maxBytes: 1e9 },
    totalBytes: 1e10,
  });
  await using records = sqliteRecords(join(folder, 'records.db'));
  using hub = createHub({ log, logger, windowBytes: 4 * 1024 * 1024 });
  const live = createLiveAnswers(1e6, (key, changed) => hub.demand(key, ({ viewers }) => changed(viewers)));
  const sessions = {
    ...{ log, clock, logger, limits, running: runningSessions(records), directory: createDirectory() },
    append: hub.append.bind(hub),
  };
  const parts = { log, hub, sessions, live, model, clock, logger, settings: limits, quote: async () => '' };
  await Promise.all(
    Array.from({ length: answers }, async (_, i) => {
      const chat = { id: `${KIND}-${i}`, tenant: 'bench', user: null, title: '', createdAt: 0 };
      await log.create(chatStream('bench', chat.id));
      const answer = await startAnswer(parts, { principal, chat, prompt: 'tick' });
      answer.detach();
      const followed = await followAnswer(hub, answer.key, 'start', new AbortController().signal);
      let age = 0;
      for await (const { event } of followed ?? []) {
        if (event.type !== 'text') continue;
        // Pieces that were merged are as old as each of them.
        for (const time of event.text.trim().split(' ')) ages.push((age = now() - Number(time)));
      }
      last = Math.max(last, age);
    }),
  );
  await live.idle();
}
await rm(folder, { recursive: true, force: true });
ages.sort((a, b) => a - b);
const at = (share: number): number => ages[Math.floor(ages.length * share)] ?? 0;
process.stdout.write(`${JSON.stringify({ count: ages.length, median: at(0.5), p99: at(0.99), last })}\n`);
