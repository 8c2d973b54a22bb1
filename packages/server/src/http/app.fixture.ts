import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthenticator, type Verify } from '../access/authenticator.ts';
import { countFailures } from '../access/failures.ts';
import { ensureFirstKey } from '../access/first-key.ts';
import { type Keys, openKeys } from '../access/keys.ts';
import { mountKeysFace } from '../access/keys-face.ts';
import { limitRate } from '../access/rate-limit.ts';
import { memoryRecords } from '../records/memory/memory-records.ts';
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { createHttpApp, type HttpApp, type HttpSettings } from './app.ts';

export const ADMIN_KEY = 'sk_test_only_for_the_admin_of_tests';

/** The app and what it needs, on a real socket, with a clock that only moves when told. */
export interface AppFixture extends AsyncDisposable {
  readonly app: HttpApp;
  readonly keys: Keys;
  readonly clock: ManualClock;
  readonly port: number;
  /** Lines of the log so far. */
  readonly log: string[];
  send(path: string, options?: SendOptions): Promise<Answer>;
  /** Writes bytes as they are, and gives all that comes back until the server ends the connection. */
  raw(text: string): Promise<string>;
  makeKey(body: Record<string, unknown>): Promise<{ id: string; key: string; [member: string]: unknown }>;
}

export interface SendOptions {
  readonly method?: string;
  /** Default: the admin key. Null: none. */
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array | Record<string, unknown>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON, as loosely typed as `JSON.parse` is. */
  readonly json: ReturnType<typeof JSON.parse>;
}

export interface FixtureOptions extends Partial<HttpSettings> {
  readonly rateLimit?: number;
  readonly verifyCookie?: Verify;
  mount?(app: HttpApp): void;
}

export async function startApp(options: FixtureOptions = {}): Promise<AppFixture> {
  const { rateLimit = 0, verifyCookie, mount, ...settings } = options;
  const folder = mkdtempSync(join(tmpdir(), 'playhead-app-'));
  const clock = manualClock();
  const log: string[] = [];
  const logger = createLogger({
    level: 'debug',
    secrets: [ADMIN_KEY],
    destination: { write: (line: string) => void log.push(line) },
  });
  const keys = await openKeys({ records: memoryRecords(), clock, logger });
  await ensureFirstKey({ keys, clock, dataFolder: folder, given: ADMIN_KEY });
  const app = createHttpApp({
    gate: createAuthenticator({
      clock,
      keys,
      failures: countFailures(clock, { limit: 10, windowMs: 600_000 }),
      rateLimit: limitRate(clock, rateLimit),
      ...(verifyCookie === undefined ? {} : { verifyCookie }),
    }),
    // Keys and failures live on the manual clock; draining looks at real connections in real time.
    clock: { ...systemClock, now: () => clock.now() },
    logger,
    settings: {
      allowedHosts: [],
      allowedOrigins: '*',
      trustedProxies: [],
      bodyLimit: 1024,
      headTimeoutMs: 10_000,
      bodyTimeoutMs: 10_000,
      keepAliveMs: 10_000,
      ...settings,
    },
  });
  mountKeysFace(app, { keys, clock, directLauncher: true });
  mount?.(app);
  const { port } = await app.listen({ host: '127.0.0.1', port: 0 });
  const send = (path: string, how: SendOptions = {}): Promise<Answer> => sendTo(port, path, how);
  return {
    app,
    keys,
    clock,
    port,
    log,
    send,
    raw: (text) => rawTo(port, text),
    async makeKey(body) {
      const answer = await send('/keys', { method: 'POST', body: { name: 'test', ...body } });
      if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${answer.text}`);
      return answer.json.data;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await keys[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function sendTo(port: number, path: string, options: SendOptions): Promise<Answer> {
  const { method = 'GET', key = ADMIN_KEY, body } = options;
  const plain = typeof body === 'object' && !(body instanceof Uint8Array);
  const headers = {
    ...(key === null ? {} : { 'x-api-key': key }),
    ...(plain ? { 'content-type': 'application/json' } : {}),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0 } = response;
          resolve({
            status,
            headers: response.headers,
            text,
            get json() {
              return JSON.parse(text);
            },
          });
        });
      },
    );
    request.on('error', reject);
    request.end(plain ? JSON.stringify(body) : body);
  });
}

function rawTo(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
