import { createPublicKey, type JsonWebKeyInput, verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createHeard } from './heard.ts';
import { listenOnLoopback } from './loopback.ts';

/** What a webhook is told. */
export interface Wake {
  readonly subscription_id: string;
  readonly wake_id: string;
  readonly generation: number;
  readonly streams: readonly {
    readonly path: string;
    readonly link_type: 'glob' | 'explicit';
    readonly acked_offset: string;
    readonly tail_offset: string;
    readonly has_pending: boolean;
  }[];
  readonly callback_url: string;
  readonly callback_token: string;
}

export interface WebhookCall {
  readonly wake: Wake;
  /** As it came: what is signed. */
  readonly raw: string;
  readonly headers: IncomingHttpHeaders;
  readonly response: ServerResponse;
}

/** A service of somebody else on loopback, whose webhook keeps every call. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly WebhookCall[];
  /** From now on. */
  answer(how: (call: WebhookCall) => void): void;
  /** Waits for so many calls that fit, and gives the last of them. */
  call(count: number, fits?: (call: WebhookCall) => boolean): Promise<WebhookCall>;
}

export async function startReceiver(first: (call: WebhookCall) => void): Promise<WebhookReceiver> {
  const calls: WebhookCall[] = [];
  const heard = createHeard(() => calls.map(({ raw }) => raw.slice(0, 400)).join('\n'));
  let answer = first;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', () => undefined);
    request.on('end', () => {
      const raw = Buffer.concat(pieces).toString();
      const call = { wake: JSON.parse(raw) as Wake, raw, headers: request.headers, response };
      calls.push(call);
      answer(call);
      heard.came();
    });
  });
  const { url, close } = await listenOnLoopback(server);
  return {
    url: `${url}/hook`,
    calls,
    answer(how) {
      answer = how;
    },
    call: (count, fits = () => true) =>
      heard.when(() => calls.filter(fits)[count - 1], `call ${count} of the webhook`),
    [Symbol.asyncDispose]: close,
  };
}

/** All is dealt with. */
export function done({ response }: WebhookCall): void {
  response.setHeader('content-type', 'application/json').end('{"done":true}');
}

/** The worker goes on by itself, and calls back. */
export function accept({ response }: WebhookCall): void {
  response.writeHead(202).end();
}

/** Takes the call and never answers. */
export function hang(): void {}

export function refuse({ response }: WebhookCall): void {
  response.writeHead(500).end();
}

export interface Jwks {
  readonly keys: readonly { readonly kid: string; readonly [member: string]: string }[];
}

/** Whether a call carries the signature of one of these keys, as a receiver would find out. */
export function isSigned({ raw, headers }: WebhookCall, { keys }: Jwks): boolean {
  const [, time = '', kid, signature = ''] =
    /^t=(\d+),kid=([^,]+),ed25519=([A-Za-z0-9_-]+)$/.exec(String(headers['webhook-signature'])) ?? [];
  const key = keys.find((each) => each.kid === kid);
  if (key === undefined || Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
  const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' } as JsonWebKeyInput);
  return verify(null, Buffer.from(`${time}.${raw}`), publicKey, Buffer.from(signature, 'base64url'));
}
