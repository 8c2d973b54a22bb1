import { readFileSync } from 'node:fs';
import { type Client, clientOf, createClient } from './client.ts';
import { type Flags, type Given, SERVER_FLAGS } from './command.ts';
import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { keyForUrl } from './server-address.ts';
import { checkedName } from './stream-argument.ts';

/** A stream that speaks the Durable Streams protocol: one of the server that is configured, or any by its URL. */
export interface StreamTarget {
  /** As the caller named it. */
  readonly shown: string;
  /** Its name, if it was named and not given by its URL. */
  readonly name: string | undefined;
  readonly client: Client;
  /** Where it is at the client's server: its path, and the query of its URL if that has one. */
  readonly path: string;
}

/** Flags of every command that takes a stream by its name or its URL. */
export const TARGET_FLAGS: Flags = {
  header: {
    type: 'string',
    short: 'H',
    value: 'NAME:VALUE',
    multiple: true,
    meaning: 'Send this to the server of a URL, such as its Authorization; @FILE: each line of it',
  },
  ...SERVER_FLAGS,
};

/** What STREAM may be, for the help of commands. */
export const TARGET_ABOUT = `STREAM is the name of a stream on your Playhead (notes/today), or the URL of a stream on any server that speaks the
Durable Streams protocol (https://example.com/v1/stream/today). Your key goes to your own server alone: what another
wants to see is given with --header.`;

/** The one stream that a command is about. */
export function oneTarget(words: readonly string[], given: Given, io: Io): StreamTarget {
  const [word, ...others] = words;
  if (word === undefined) throw usageFailure('Name a stream.', 'A stream is kind/id, or its URL.');
  if (others.length > 0) throw usageFailure(`One stream at a time: what is ${others.join(' ')}?`);
  return streamTarget(word, given, io);
}

export function streamTarget(word: string, given: Given, io: Io): StreamTarget {
  const headers = headersOf(given.all('header'));
  if (!/^https?:\/\//i.test(word)) {
    if (Object.keys(headers).length > 0) throw usageFailure('--header goes with the URL of a stream.');
    return { shown: word, name: word, path: durablePath(checkedName(word)), client: clientOf(given, io) };
  }
  const url = URL.parse(word);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw usageFailure(`${word} is not the URL of a stream.`, 'What proves who you are goes into --header.');
  }
  const key = keyForUrl(url, given, io);
  return {
    shown: word,
    name: undefined,
    path: `${url.pathname}${url.search}`,
    client: createClient(url.origin, { ...(key === undefined ? {} : { 'x-api-key': key }), ...headers }),
  };
}

/** Names need no escaping in a URL. */
function durablePath(name: string): string {
  return `/v1/stream/${name}`;
}

function headersOf(texts: readonly string[]): Record<string, string> {
  const headers = new Headers();
  for (const line of texts.flatMap((text) => (text.startsWith('@') ? linesOf(text.slice(1)) : [text]))) {
    const [, name = '', value = ''] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+): *([\t\x20-\x7e]+)$/.exec(line) ?? [];
    // Not shown: it may well be a secret.
    if (name === '') throw usageFailure('A --header is NAME: VALUE, or @FILE with one a line.');
    headers.set(name, value);
  }
  return Object.fromEntries(headers);
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line !== '');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw usageFailure(`The file of --header cannot be read: ${String(error.code)}.`);
  }
}
