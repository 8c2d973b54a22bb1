import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import { NO_NETWORKS, networkList, type NetworkList } from '../../runtime/network-list.ts';
import type { EgressOptions, EgressPass, EgressRefusal, EgressTraffic } from '../egress.ts';
import type { OutgoingGuard } from '../outgoing.ts';
import type { Trouble } from './answers.ts';
import { connectThrough, connectUpstream, UpstreamRefused, type WayOut } from './connect.ts';
import { type Destination, findRoute } from './route.ts';
import { readUpstream, type Upstream } from './upstream.ts';

export interface PassParts {
  readonly guard: OutgoingGuard;
  readonly clock: Clock;
  /** How long a connection may take to be made, ms. */
  readonly connectMs: number;
  /** At once, of one browser. */
  readonly connections: number;
  readonly ca?: string;
  closed(pass: Pass): void;
}

export type Opened =
  | { readonly kind: 'open'; readonly socket: Socket; readonly way: WayOut }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

/** Refusals that are told in one second; the others are counted. */
const TOLD_A_SECOND = 10;

/** One browser's way out: its credential, its other proxy, its connections. */
export class Pass implements EgressPass {
  readonly server: string;
  readonly credentials: EgressPass['credentials'] = {
    username: randomBytes(9).toString('base64url'),
    password: randomBytes(32).toString('base64url'),
  };
  readonly #parts: PassParts;
  readonly #options: EgressOptions;
  readonly #also: NetworkList;
  readonly #secret: Buffer;
  /** Connections into the network, and those being made. */
  readonly #sockets = new Set<Socket>();
  readonly #pending = new Set<AbortController>();
  #upstream: Upstream | undefined;
  #closed = false;
  #sent = 0;
  #received = 0;
  #connections = 0;
  #refused = 0;
  #second = 0;
  #told = 0;
  #omitted = 0;

  constructor(server: string, options: EgressOptions, parts: PassParts) {
    this.server = server;
    this.#parts = parts;
    this.#options = options;
    this.#also = options.networks === undefined ? NO_NETWORKS : networkList(options.networks);
    this.#secret = digest(this.credentials.password);
  }

  get via(): string {
    if (this.#upstream === undefined) return 'direct';
    const { scheme, host, port } = this.#upstream;
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get traffic(): EgressTraffic {
    let sent = this.#sent;
    let received = this.#received;
    for (const socket of this.#sockets) {
      sent += socket.bytesWritten;
      received += socket.bytesRead;
    }
    return { sent, received, connections: this.#connections, refused: this.#refused };
  }

  /** Whether this is its password. Takes as long for any. */
  admits(password: string): boolean {
    return !this.#closed && timingSafeEqual(digest(password), this.#secret);
  }

  async change(text: string | null): Promise<'changed' | 'invalid' | 'refused' | 'unresolved'> {
    const upstream = text === null ? undefined : readUpstream(text);
    if (text !== null && upstream === undefined) return 'invalid';
    if (upstream !== undefined) {
      const { host, port } = upstream;
      const reach = await this.#parts.guard.reach({ host, port, also: this.#also });
      if (reach.kind !== 'open') return reach.kind;
    }
    this.#upstream = upstream;
    this.#cut();
    return 'changed';
  }

  /**
   * A connection for the browser. `tunnel`: its bytes reach the destination as they are; `request`: they may also be an
   * http request to another http proxy, which `way` then tells.
   */
  async open(destination: Destination, use: 'tunnel' | 'request', signal: AbortSignal): Promise<Opened> {
    if (this.#closed) return trouble({ kind: 'unreachable' });
    if (this.#sockets.size + this.#pending.size >= this.#parts.connections)
      return this.#refuse(destination.host, destination.port, 'limit');
    const giveUp = new AbortController();
    this.#pending.add(giveUp);
    let late = false;
    using _timer = this.#parts.clock.after(this.#parts.connectMs, () => {
      late = true;
      giveUp.abort();
    });
    const upstream = this.#upstream;
    try {
      const route = await findRoute(this.#parts.guard, destination, upstream, this.#also);
      if (route.kind === 'refused') return this.#refuse(route.host, destination.port, route.reason);
      if (route.kind === 'unresolved') return trouble({ kind: 'unresolved' });
      const options = {
        signal: AbortSignal.any([signal, giveUp.signal]),
        ...(this.#parts.ca === undefined ? {} : { ca: this.#parts.ca }),
      };
      const asked = use === 'request' && route.kind === 'upstream' && route.upstream.scheme !== 'socks5';
      const socket = await (asked ? connectUpstream(route, options) : connectThrough(route, options));
      if (this.#closed || upstream !== this.#upstream) {
        socket.destroy();
        return trouble({ kind: 'unreachable' });
      }
      this.#keep(socket);
      return { kind: 'open', socket, way: route };
    } catch (error) {
      if (late) return trouble({ kind: 'timeout' });
      const theirs = upstream !== undefined || error instanceof UpstreamRefused;
      return trouble({ kind: theirs ? 'upstream' : 'unreachable' });
    } finally {
      this.#pending.delete(giveUp);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cut();
    this.#parts.closed(this);
  }

  #keep(socket: Socket): void {
    this.#connections++;
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#sent += socket.bytesWritten;
      this.#received += socket.bytesRead;
    });
  }

  #cut(): void {
    for (const giveUp of this.#pending) giveUp.abort();
    for (const socket of this.#sockets) socket.destroy();
  }

  #refuse(host: string, port: number, reason: EgressRefusal['reason']): Opened {
    this.#refused++;
    const second = Math.floor(this.#parts.clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#told = 0;
    }
    if (this.#told < TOLD_A_SECOND) {
      this.#told++;
      const omitted = this.#omitted;
      this.#omitted = 0;
      this.#options.refused?.({ host: host.slice(0, 255), port, reason, omitted });
    } else {
      this.#omitted++;
    }
    return trouble({ kind: 'refused', reason });
  }
}

function trouble(what: Trouble): Opened {
  return { kind: 'trouble', trouble: what };
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
