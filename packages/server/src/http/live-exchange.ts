import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import type { Allowance, Caller } from '../access/gate.ts';
import type { Principal } from '../access/principal.ts';
import { callerAddress, isSecure, joined } from './caller-address.ts';
import type { HeaderList } from './cors.ts';
import type { Exchange } from './exchange.ts';
import { parseJson, readBody } from './read-body.ts';

/**
 * An exchange under way. Everything that costs is computed when first asked for: most requests never look at
 * their query or address, and the standard headers are set on the response only for handlers that write to it by
 * themselves.
 */
export class LiveExchange implements Exchange, Caller {
  readonly id: string;
  readonly request: IncomingMessage;
  /** The request's path; until it was checked, the target as it came. */
  path: string;
  params: Readonly<Record<string, string>> = {};
  principal: Principal | undefined = undefined;
  bodyLimit = 0;
  allowance: Allowance | undefined = undefined;
  cors: HeaderList | undefined = undefined;
  /** Never set on plain HTTP (D-23). */
  readonly token: string | undefined = undefined;
  readonly #response: ServerResponse;
  readonly #trustedProxies: BlockList | undefined;
  #responseTouched = false;
  #body: Promise<Buffer> | undefined;
  #json: Promise<unknown> | undefined;
  #address: string | undefined;
  #query: URLSearchParams | undefined;
  #ticket: string | undefined;

  constructor(
    id: string,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    trustedProxies: BlockList | undefined,
  ) {
    this.id = id;
    this.path = path;
    this.request = request;
    this.#response = response;
    this.#trustedProxies = trustedProxies;
  }

  get method(): string {
    return this.request.method ?? '';
  }

  get headers(): IncomingMessage['headers'] {
    return this.request.headers;
  }

  /** The response, with the standard headers set: for handlers that write to it by themselves. */
  get response(): ServerResponse {
    if (!this.#responseTouched) {
      this.#responseTouched = true;
      const headers = this.standardHeaders();
      for (let i = 0; i < headers.length; i += 2) {
        this.#response.setHeader(headers[i] ?? '', headers[i + 1] ?? '');
      }
    }
    return this.#response;
  }

  /** The response as it is: for the app itself, which writes the head in one go. */
  get bareResponse(): ServerResponse {
    return this.#response;
  }

  /** What every response carries, names and values one after the other. */
  standardHeaders(): string[] {
    const { allowance } = this;
    const headers =
      allowance === undefined || allowance.limit === 0
        ? ['X-Request-Id', this.id, 'X-Content-Type-Options', 'nosniff']
        : [
            'X-Request-Id',
            this.id,
            'X-Content-Type-Options',
            'nosniff',
            'X-RateLimit-Limit',
            String(allowance.limit),
            'X-RateLimit-Remaining',
            String(allowance.remaining),
            'X-RateLimit-Reset',
            String(allowance.reset),
          ];
    if (this.cors !== undefined) for (const item of this.cors) headers.push(item);
    return headers;
  }

  get address(): string {
    this.#address ??= callerAddress(
      this.request.socket.remoteAddress ?? '',
      joined(this.request.headers['x-forwarded-for']),
      this.#trustedProxies,
    );
    return this.#address;
  }

  get secure(): boolean {
    return isSecure(this.request, this.#trustedProxies);
  }

  get query(): URLSearchParams {
    if (this.#query === undefined) {
      this.#query = queryOf(this.request.url ?? '');
      this.#ticket = this.#query.get('ticket') ?? undefined;
      this.#query.delete('ticket');
      this.#query.delete('token');
    }
    return this.#query;
  }

  get ticket(): string | undefined {
    if (!(this.request.url ?? '').includes('ticket=')) return undefined;
    void this.query;
    return this.#ticket;
  }

  body(): Promise<Buffer> {
    if (this.#json !== undefined) throw new TypeError('The body was read as JSON already.');
    this.#body ??= readBody(this.request, this.bodyLimit, asIs);
    return this.#body;
  }

  json(): Promise<unknown> {
    const { request } = this;
    this.#json ??=
      this.#body === undefined
        ? readBody(request, this.bodyLimit, parseJson)
        : this.#body.then((body) => parseJson(body, request));
    return this.#json;
  }
}

function asIs(body: Buffer): Buffer {
  return body;
}

export function queryOf(target: string): URLSearchParams {
  const start = target.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : target.slice(start + 1));
}
