import { createReadStream, existsSync } from 'node:fs';
import { type Broken, ChainCheck } from './chain-check.ts';
import { clientOf } from './client.ts';
import { type Command, type Given, OUTPUT_FLAG, SERVER_FLAGS } from './command.ts';
import { EXIT } from './exit-code.ts';
import { Failure, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { provenPages } from './proven-pages.ts';
import { readLines } from './read-lines.ts';
import { checkedName } from './stream-argument.ts';

const PROGRESS_MS = 200;

export const verify: Command = {
  name: 'verify',
  summary: 'prove that nothing in a stream was lost, repeated, reordered or changed',
  usage: ['verify [flags] STREAM', 'verify [flags] FILE'],
  about: `Recomputes the hash chain of a stream on a server, or of one that was saved with \`tail --proof -o json\`; - is stdin.
The first break is named by its position, and the exit code is then 1. The head that it prints is the chain's value
behind the last event: whoever noted it earlier, next to its position, proves with --known that what was there then
is there now.`,
  flags: {
    known: {
      type: 'string',
      value: 'POSITION:HEAD',
      multiple: true,
      meaning: 'A head noted earlier, that must be met; may be given again',
    },
    ...OUTPUT_FLAG,
    ...SERVER_FLAGS,
  },
  takes: 'words',
  examples: [
    'playhead verify commands/cmd_…',
    'playhead tail notes/today --proof -o json > today.ndjson && playhead verify today.ndjson',
    'playhead verify notes/today --known 01k9x2m4v7qhd3ts-a7:9f86d0…',
  ],
  run: runVerify,
};

async function runVerify(given: Given, io: Io): Promise<number> {
  const [what, ...others] = given.words;
  if (what === undefined || others.length > 0) throw usageFailure('Name one stream, or one file.');
  const known = knownHeads(given.all('known'));
  const check = new ChainCheck();
  let shown = performance.now();
  let broken: Broken | undefined;
  for await (const item of itemsOf(what, given, io)) {
    broken = item.kind === 'page' ? check.page(item.value) : (check.event(item.value) ?? unmet(check, known));
    if (broken !== undefined) break;
    if (!io.interactive || performance.now() - shown < PROGRESS_MS) continue;
    shown = performance.now();
    void io.printError(`\r${check.events} events`);
  }
  broken ??= check.end();
  const [missing] = known.keys();
  if (broken === undefined && missing !== undefined) {
    throw new Failure(EXIT.failed, `The position ${missing} of --known is not among what was verified.`);
  }
  await report(check, broken, given, io);
  return broken === undefined ? EXIT.done : EXIT.failed;
}

interface Item {
  readonly kind: 'page' | 'event';
  readonly value: unknown;
}

/** Pages and events, from a file if there is one of that name, else from the server. */
async function* itemsOf(what: string, given: Given, io: Io): AsyncGenerator<Item> {
  if (what === '-' || existsSync(what)) {
    yield* savedItems(what);
    return;
  }
  for await (const { head, events } of provenPages(clientOf(given, io), checkedName(what), undefined)) {
    yield { kind: 'page', value: head };
    for (const value of events) yield { kind: 'event', value };
  }
}

async function* savedItems(file: string): AsyncGenerator<Item> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  let number = 0;
  let pages = 0;
  for await (const lines of readLines(input)) {
    for (const line of lines) {
      number++;
      if (line === '') continue;
      const item = itemOf(line);
      if (item === undefined) {
        throw new Failure(
          EXIT.failed,
          `Line ${number} of ${file} is not what \`tail --proof -o json\` writes.`,
        );
      }
      if (item.kind === 'page') pages++;
      if (pages === 0) throw new Failure(EXIT.failed, `${file} holds no proof.`, HOW_TO_SAVE);
      yield item;
    }
  }
  if (pages === 0) throw new Failure(EXIT.failed, `${file} holds nothing to verify.`, HOW_TO_SAVE);
}

const HOW_TO_SAVE = 'Save it with `playhead tail STREAM --proof -o json`.';

function itemOf(line: string): Item | undefined {
  const value = parsed(line);
  if (typeof value !== 'object' || value === null) return undefined;
  return { kind: 'chain' in value ? 'page' : 'event', value };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function knownHeads(texts: readonly string[]): Map<string, string> {
  const heads = new Map<string, string>();
  for (const text of texts) {
    const [, position, head] = /^([0-9a-z]+-[0-9a-z]+):([0-9a-f]{64})$/.exec(text) ?? [];
    if (position === undefined || head === undefined) {
      throw usageFailure('--known is a position, a colon, and a head of 64 hexadecimal digits.');
    }
    heads.set(position, head);
  }
  return heads;
}

/** Whether a head that was noted is not the one that is there now. Those that were met are dropped. */
function unmet(check: ChainCheck, known: Map<string, string>): Broken | undefined {
  const span = check.spans.at(-1);
  const noted = span === undefined ? undefined : known.get(span.last);
  if (span === undefined || noted === undefined) return undefined;
  known.delete(span.last);
  return noted === span.head ? undefined : { at: span.last, reason: 'chain-changed' };
}

async function report(check: ChainCheck, broken: Broken | undefined, given: Given, io: Io): Promise<void> {
  const { events, redacted, spans } = check;
  if (io.interactive && events > 0) await io.printError('\r');
  if (given.text('output') === 'json') {
    const result = {
      intact: broken === undefined,
      events,
      redacted,
      spans,
      ...(broken === undefined ? {} : { broken }),
    };
    await io.print(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const { first, last, head } of spans) {
    if (last !== '') await io.print(`${first} … ${last}  head ${head}\n`);
  }
  if (broken !== undefined) {
    await io.print(
      `broken ${broken.behind === true ? 'behind' : 'at'} ${broken.at}: ${MEANING[broken.reason]}\n`,
    );
    return;
  }
  const erased = redacted === 0 ? '' : `, ${redacted} of them erased`;
  await io.print(`intact: ${events} events${erased}\n`);
  if (spans.length > 1) {
    io.warn(`${spans.length} epochs: each is intact, but history may have been lost between them`);
  }
}

const MEANING: Readonly<Record<Broken['reason'], string>> = {
  'no-proof': 'the proof is missing or malformed',
  'missing-events': 'events are missing',
  'out-of-order': 'an event is repeated or out of its order',
  'data-changed': 'the data is not what was appended',
  'chain-changed': 'the chain does not go on from what precedes it: something was added, left out or changed',
};
