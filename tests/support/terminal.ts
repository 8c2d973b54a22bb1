import type { StreamEvent } from './streams.ts';
import { start } from './commands.ts';
import { type Answer, request } from './request.ts';
import type { TestServer } from './server.ts';
import { readPage } from './streams.ts';
import { until } from './within.ts';

/** A command that runs in a terminal. */
export interface TestTerminal {
  readonly id: string;
  /** Of the terminal: `commands/{id}/pty`. */
  readonly stream: string;
  /** Every event so far. */
  events(): Promise<readonly StreamEvent[]>;
  /** All that it has shown so far. */
  output(): Promise<Buffer>;
  /** Waits until it has shown a text; all that it has shown then. */
  shows(text: string): Promise<string>;
  /** Waits until its stream is closed; every event. */
  ended(): Promise<readonly StreamEvent[]>;
  /** `POST …/commands/{id}/{what}`. */
  post(what: 'input' | 'resize' | 'signal', body: unknown, key?: string): Promise<Answer>;
}

/** Starts a command in a terminal. */
export async function startTerminal(
  server: TestServer,
  command: string,
  pty: unknown = true,
): Promise<TestTerminal> {
  const id = await start(server, command, { body: { pty } });
  return terminalOf(server, id);
}

export function terminalOf(server: TestServer, id: string): TestTerminal {
  const stream = `commands/${id}/pty`;
  const events = (): Promise<readonly StreamEvent[]> => allEvents(server, stream);
  const output = async (): Promise<Buffer> => outputOf(await events());
  return {
    id,
    stream,
    events,
    output,
    async shows(text) {
      let shown = '';
      await until(
        async () => {
          shown = (await output()).toString();
          return shown.includes(text);
        },
        `the terminal to show ${JSON.stringify(text)}`,
      );
      return shown;
    },
    async ended() {
      await until(async () => (await readPage(server, stream, '?after=live')).closed, 'the terminal to end');
      return events();
    },
    post: (what, body, key) =>
      request(server, `/projects/my-project/commands/${id}/${what}`, {
        method: 'POST',
        body,
        ...(key === undefined ? {} : { key }),
      }),
  };
}

/** Every event of a stream, page by page. */
export async function allEvents(server: TestServer, stream: string): Promise<readonly StreamEvent[]> {
  const events: StreamEvent[] = [];
  let query = '';
  for (;;) {
    const page = await readPage(server, stream, query);
    events.push(...page.events);
    if (page.events.length === 0 || page.next === page.latest) return events;
    query = `?after=${page.next}`;
  }
}

/** The bytes of the `output` events among them. */
export function outputOf(events: readonly StreamEvent[]): Buffer {
  return Buffer.concat(
    events.filter(({ type }) => type === 'output').map(({ data }) => Buffer.from(String(data), 'base64')),
  );
}
