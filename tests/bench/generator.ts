import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, LOAD_CORE, runToEnd, startChild } from './child.ts';

const NAMES = ['append', 'batch', 'catch-up', 'fan', 'hold', 'loop', 'read'] as const;

export type GeneratorName = (typeof NAMES)[number];

/** ms. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What `fan` prints. */
export interface FanResult {
  readonly deliveries_per_second: number;
  readonly events_per_second: number;
  readonly megabytes_per_second: number;
  readonly latency_ms: Latency;
  readonly seconds: number;
  /** Published, warming up included. */
  readonly events: number;
  /** Every subscriber came to the last event. */
  readonly complete: boolean;
  readonly missing: number;
  readonly repeated: number;
  /** From the last publication to the last delivery. */
  readonly catch_up_seconds: number;
}

/** What `append` prints. */
export interface AppendResult {
  readonly requests_per_second: number;
  readonly items_per_second: number;
  readonly latency_ms: Latency;
  readonly seconds: number;
  readonly items: number;
}

/** What `batch` prints. */
export interface BatchResult {
  readonly events_per_second: number;
  readonly batches_per_second: number;
  /** Of a batch. */
  readonly latency_ms: Latency;
  readonly seconds: number;
  /** Answered in the end, warming up included. */
  readonly events: number;
}

/** What `read` prints. */
export interface ReadResult {
  readonly count: number;
  /** Numbers that did not follow the one before. */
  readonly out_of_order: number;
  readonly per_second: number;
  readonly seconds: number;
  /** Until the first number came. */
  readonly first_seconds: number;
  readonly megabytes_per_second: number;
}

/** What `catch-up` prints. */
export interface CatchUpResult {
  readonly count: number;
  /** How many requests it took. */
  readonly answers: number;
  readonly per_second: number;
  readonly seconds: number;
  readonly megabytes_per_second: number;
}

type Options = Readonly<Record<string, string | number>>;

const sources = fileURLToPath(new URL('load/', import.meta.url));

let compiled = '';

/** Compiles the C programs into `folder`, once, before anything is measured. Needs `cc`. */
export async function compileGenerators(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of NAMES) {
    await runToEnd(['cc', '-O2', '-o', join(folder, name), join(sources, `${name}.c`)]);
  }
  compiled = folder;
}

/** Where a compiled generator stands. */
export function generatorPath(name: GeneratorName): string {
  return join(compiled, name);
}

/** Publishes and subscribes. The shape of the options stands at the head of `load/fan.c`. */
export async function fan(options: Options): Promise<FanResult> {
  const result = await run<FanResult>('fan', options);
  // A rate at which events get lost is no rate.
  if (!result.complete || result.missing > 0 || result.repeated > 0) {
    throw new Error(`fan: not every event came once and in order: ${JSON.stringify(result)}`);
  }
  return result;
}

/** Appends over HTTP. */
export function append(options: Options): Promise<AppendResult> {
  return run('append', options);
}

/** Appends in batches on one WebSocket. */
export function batch(options: Options): Promise<BatchResult> {
  return run('batch', options);
}

/** Opens WebSockets and leaves them idle until it is disposed. It is there when all are open. */
export function hold(options: Options): Promise<Child> {
  return startChild({ argv: argvOf('hold', options), core: LOAD_CORE, ready: /ready/ });
}

/** Reads one stream. */
export async function read(options: Options): Promise<ReadResult> {
  const result = await run<ReadResult>('read', options);
  if (result.out_of_order > 0) throw new Error(`read: ${result.out_of_order} out of order`);
  return result;
}

/** Reads a Durable Stream from its start to its end. */
export function catchUp(options: Options): Promise<CatchUpResult> {
  return run('catch-up', options);
}

async function run<Result>(name: GeneratorName, options: Options): Promise<Result> {
  return JSON.parse(await runToEnd(argvOf(name, options), LOAD_CORE)) as Result;
}

function argvOf(name: GeneratorName, options: Options): readonly string[] {
  const words = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  return [generatorPath(name), ...words];
}
