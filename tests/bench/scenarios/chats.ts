import { median } from '../interleave.ts';
import { type Child, LOAD_CORE, SERVER_CORE, startChild } from '../child.ts';
import { type Playhead, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const model = new URL('../peers/model.mjs', import.meta.url).pathname;
const port = new URL('../chat-port.ts', import.meta.url).pathname;
const FIRST_TARGET = 5;
const ANSWERS = 100;
const RATE = 50;
/** Rounds that load and compile. */
const WARM = 50;
/** An answer keeps up if its last piece is not older than this when it is read, ms. */
const BEHIND = 250;

/** Answers of a model, through the documented call and against the model itself. */
export async function chats(settings: Settings): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const upstream: Child = stack.use(
    await startChild({
      argv: [process.execPath, model],
      core: LOAD_CORE,
      ready: /listening on ([0-9]+)/,
    }),
  );
  const url = `http://127.0.0.1:${upstream.ready}/v1`;
  const playhead = stack.use(
    await startPlayhead(settings, undefined, { PLAYHEAD_CHAT_BASE_URL: url, PLAYHEAD_CHAT_MODEL: 'numbers' }),
  );
  settings.note('chats');
  const rows = [await firstChunk(settings, playhead, url), await many(settings, playhead)];
  settings.note('chats: at the port');
  return [...rows, await atThePort(settings)];
}

/** What the way through the server adds to the time until the first piece can be read. */
async function firstChunk(settings: Settings, playhead: Playhead, url: string): Promise<Row> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const prompt = JSON.stringify({ chunks: 3, per_second: 0 });
  for (let round = 0; round < (settings.quick ? 150 : 400); round++) {
    const chat = await newChat(playhead);
    ours.push(await untilFirst(playhead.fetch(`/chats/${chat}/messages`, { prompt })));
    const body = JSON.stringify({ messages: [{ role: 'user', content: prompt }], stream: true });
    theirs.push(await untilFirst(fetch(`${url}/chat/completions`, { method: 'POST', body })));
  }
  const added = median(ours.slice(WARM)) - median(theirs.slice(WARM));
  return {
    what: 'time to the first piece of an answer',
    playhead: `${median(ours.slice(WARM)).toFixed(1)} ms`,
    peer: `the model itself: ${median(theirs.slice(WARM)).toFixed(1)} ms`,
    target: `adds < ${FIRST_TARGET} ms`,
    met: added < FIRST_TARGET,
  };
}

async function untilFirst(answering: Promise<Response>): Promise<number> {
  const began = performance.now();
  const response = await answering;
  let first: number | undefined;
  for await (const piece of response.body ?? []) {
    if (first === undefined && piece.length > 0) first = performance.now() - began;
  }
  return first ?? Number.NaN;
}

/** A hundred answers at once: how old each piece is when it is read, and whether that grows. */
async function many(settings: Settings, playhead: Playhead): Promise<Row> {
  const prompt = JSON.stringify({ chunks: RATE * (settings.quick ? 4 : 20), per_second: RATE });
  const ids = await Promise.all(Array.from({ length: ANSWERS }, () => newChat(playhead)));
  const results = await Promise.all(
    ids.map(async (id) => agesOf(await playhead.fetch(`/chats/${id}/messages`, { prompt }))),
  );
  const ages = results.flat().sort((a, b) => a - b);
  const last = Math.max(...results.map((one) => one.at(-1) ?? Number.POSITIVE_INFINITY));
  const at = (share: number): string => `${(ages[Math.floor(ages.length * share)] ?? 0).toFixed(0)} ms`;
  return {
    what: `${ANSWERS} answers at once, ${RATE} pieces/s each: age of a piece`,
    playhead: `median ${at(0.5)}, p99 ${at(0.99)}, of the last at most ${last.toFixed(0)} ms`,
    target: 'none falls behind',
    met: last < BEHIND,
  };
}

/** The same for five hundred at the port of models: the log, the hub and a reader each, without a provider and HTTP. */
async function atThePort(settings: Settings): Promise<Row> {
  const answers = 500;
  await using child = await startChild({
    argv: [process.execPath, port, String(answers), String(RATE), settings.quick ? '5' : '20'],
    core: SERVER_CORE,
    ready: /(\{.*\})\n/,
    patience: 120_000,
  });
  const { median: middle, p99, last } = JSON.parse(child.ready) as Record<string, number>;
  const ms = (value = Number.NaN): string => `${value.toFixed(0)} ms`;
  return {
    what: `${answers} answers at once at the port of models: age of a piece`,
    playhead: `median ${ms(middle)}, p99 ${ms(p99)}, of the last at most ${ms(last)}`,
    target: 'none falls behind',
    met: (last ?? Number.POSITIVE_INFINITY) < BEHIND,
  };
}

async function agesOf(response: Response): Promise<number[]> {
  const decoder = new TextDecoder();
  const ages: number[] = [];
  let rest = '';
  for await (const piece of response.body ?? []) {
    const now = performance.timeOrigin + performance.now();
    rest += decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {"type":"chunk"')) continue;
      const { text } = JSON.parse(line.slice(6)) as { text: string };
      for (const time of text.split(' ')) if (time !== '') ages.push(now - Number(time));
    }
  }
  return ages;
}

async function newChat(playhead: Playhead): Promise<string> {
  return ((await playhead.request('POST', '/chats', {})) as { id: string }).id;
}
