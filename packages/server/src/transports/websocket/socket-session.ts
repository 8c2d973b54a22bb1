import { randomUUID } from 'node:crypto';
import {
  type ClientMessage,
  jsonLine,
  PlayheadError,
  type ProblemCode,
  PROBLEMS,
  type ServerMessage,
  type TerminalMessage,
  toProblem,
} from '@playhead/protocol';
import type { Principal } from '../../access/principal.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { AppendAnswer, ContentGateway, Gateway } from '../gateway.ts';
import type { TerminalCaller, Terminals } from '../terminals.ts';
import { type BinaryMessage, idOf, parseBinaryMessage, parseMessage } from './client-message.ts';
import { encodeText } from './frame-encoder.ts';
import { Pacer } from './pacer.ts';
import type { SocketSubscriptions } from './socket-subscriptions.ts';
import { createSubscriptions } from './socket-subscriptions.ts';
import type { WebSocketConnection, WebSocketUser } from './web-socket.ts';

export interface SocketLimits {
  /** Subscriptions at once. */
  readonly subscriptions: number;
  /** Appends and other requests that were not answered yet; beyond it the socket is not read. */
  readonly unanswered: number;
}

/** Shared by all sessions of a transport. */
export interface SocketSessionParts {
  readonly gateway: Gateway;
  readonly content: ContentGateway;
  readonly terminals: Terminals;
  readonly clock: Clock;
  readonly limits: SocketLimits;
  /** Anything that is not a PlayheadError; gives what to tell the client. */
  failed(error: unknown): PlayheadError;
  closed(session: SocketSession): void;
}

/**
 * One client of `/v1/socket`: reads its messages one after the other, answers each, and keeps its subscriptions.
 * What fails is answered with a `problem` and the socket goes on.
 */
export class SocketSession implements WebSocketUser {
  readonly #parts: SocketSessionParts;
  readonly #principal: Principal;
  #connection: WebSocketConnection | undefined;
  // Made with the first subscription: thousands of sockets may be open that only append, or wait.
  #pacer: Pacer | undefined;
  #subscriptions: SocketSubscriptions | undefined;
  /** As what it has control of terminals. All viewers are told it, so it opens nothing. Made when it is needed. */
  #viewer: string | undefined;
  #unanswered = 0;
  #waiting = false;

  constructor(parts: SocketSessionParts, principal: Principal) {
    this.#parts = parts;
    this.#principal = principal;
  }

  /** Gives the connection that the session speaks on. */
  attach(connection: WebSocketConnection): void {
    this.#connection = connection;
  }

  get connection(): WebSocketConnection | undefined {
    return this.#connection;
  }

  message(data: Buffer, binary: boolean): void {
    const parsed = binary ? parseBinaryMessage(data) : parseMessage(data.toString());
    if (parsed instanceof PlayheadError) {
      this.#problem(parsed, binary ? undefined : idOf(data.toString()), undefined);
      return;
    }
    this.#unanswered++;
    this.#push();
    // Begun at once and in order: the log applies appends in the order of the calls.
    this.#handle(parsed)
      .catch((error: unknown) => {
        const known = error instanceof PlayheadError ? error : this.#parts.failed(error);
        this.#problem(known, parsed.id, parsed.stream);
      })
      .finally(() => {
        this.#unanswered--;
        this.#push();
      });
  }

  pong(data: Buffer): void {
    if (this.#pacer?.acknowledge(data) === true) this.#subscriptions?.resume();
  }

  drained(): void {
    this.#subscriptions?.resume();
    this.#push();
  }

  closed(): void {
    this.#subscriptions?.[Symbol.dispose]();
    if (this.#viewer !== undefined) this.#parts.terminals.leave(this.#viewer);
    this.#parts.closed(this);
  }

  /** Ends the connection with the close code of a problem. */
  end(code: ProblemCode, reason: string): void {
    this.#connection?.close(PROBLEMS[code].close, reason);
  }

  /** Whether a viewer of a `latest` stream left a frame unanswered for too long. */
  isStalled(now: number, patienceMs: number): boolean {
    return this.#pacer?.isStalled(now, patienceMs) ?? false;
  }

  async #handle(message: ClientMessage | BinaryMessage): Promise<void> {
    const { gateway, content } = this.#parts;
    const principal = this.#principal;
    const { stream } = message;
    const id = message.id === undefined ? {} : { id: message.id };
    switch (message.type) {
      case 'subscribe':
        await this.#subscribed()?.add(message);
        this.#send({ type: 'subscribed', ...id, stream });
        return;
      case 'unsubscribe':
        this.#subscriptions?.remove(stream);
        this.#send({ type: 'unsubscribed', ...id, stream });
        return;
      case 'append': {
        const { position, repeated, closed, sequence } = await this.#append(message);
        this.#send({
          ...{ type: 'appended', ...id, stream, position },
          ...(repeated ? { repeated } : {}),
          ...(closed ? { closed } : {}),
          ...(sequence === undefined ? {} : { sequence }),
        });
        return;
      }
      case 'create': {
        const { existed, position, closed, contentType } = await content.create(principal, message);
        this.#send({ type: 'created', ...id, stream, existed, position, content_type: contentType, closed });
        return;
      }
      case 'head': {
        const { contentType, position, closed, ttlSeconds, expiresAt } = await content.head(
          principal,
          stream,
        );
        this.#send({
          ...{ type: 'head', ...id, stream, content_type: contentType, position, closed },
          ...(ttlSeconds === undefined ? {} : { ttl_seconds: ttlSeconds }),
          ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
        });
        return;
      }
      case 'read':
        await this.#subscribed()?.read(message);
        return;
      case 'close': {
        const position = await content.close(principal, message);
        this.#send({ type: 'closed', ...id, stream, position });
        return;
      }
      case 'delete':
        await gateway.delete(principal, stream);
        this.#send({ type: 'deleted', ...id, stream });
        return;
      case 'input':
      case 'resize':
      case 'signal':
        await this.#reach(message);
        this.#send({ type: 'accepted', ...id, stream });
        return;
      case 'control': {
        const caller = this.#caller();
        const controller = await this.#parts.terminals.control(caller, stream, message);
        this.#send({
          type: 'control',
          ...id,
          stream,
          controller,
          mine: controller?.viewer === caller.viewer,
        });
        return;
      }
    }
  }

  /** Not async: two appends in a row must reach the log in that order, whatever they hold. */
  #append(message: Extract<ClientMessage, { type: 'append' }>): Promise<AppendAnswer> {
    const { gateway, content } = this.#parts;
    const { events, messages, data, ordinal } = message;
    if (events === undefined) return content.append(this.#principal, message);
    if (messages === undefined && data === undefined && ordinal === undefined) {
      return gateway.append(this.#principal, message);
    }
    throw new PlayheadError('invalid-request', 'Events go without messages, data and ordinal.');
  }

  #subscribed(): SocketSubscriptions | undefined {
    if (this.#subscriptions !== undefined || this.#connection === undefined) return this.#subscriptions;
    this.#pacer = new Pacer();
    this.#subscriptions = createSubscriptions({
      principal: this.#principal,
      gateway: this.#parts.gateway,
      content: this.#parts.content,
      terminals: this.#parts.terminals,
      clock: this.#parts.clock,
      limit: this.#parts.limits.subscriptions,
      connection: this.#connection,
      pacer: this.#pacer,
      send: (message) => this.#send(message),
    });
    return this.#subscriptions;
  }

  #reach(message: Exclude<TerminalMessage, { type: 'control' }>): Promise<void> {
    const { terminals } = this.#parts;
    const { stream } = message;
    switch (message.type) {
      case 'input':
        return terminals.type(this.#caller(), stream, Buffer.from(message.data, message.encoding ?? 'utf8'));
      case 'resize':
        return terminals.resize(this.#caller(), stream, message);
      case 'signal':
        return terminals.signal(this.#caller(), stream, message.name);
    }
  }

  #caller(): TerminalCaller & { readonly viewer: string } {
    this.#viewer ??= `skt_${randomUUID()}`;
    return { principal: this.#principal, viewer: this.#viewer };
  }

  // A client that sends faster than it is answered, or reads no answers, is not read (D-2).
  #push(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const room = this.#parts.gateway.room();
    if (room !== undefined && !this.#waiting) {
      this.#waiting = true;
      void room.then(() => {
        this.#waiting = false;
        this.#push();
      });
    }
    if (this.#waiting || connection.blocked || this.#unanswered >= this.#parts.limits.unanswered)
      connection.pause();
    else connection.resume();
  }

  #problem(error: PlayheadError, id: string | undefined, stream: string | undefined): void {
    this.#send({
      type: 'problem',
      ...(id === undefined ? {} : { id }),
      ...(stream === undefined ? {} : { stream }),
      problem: toProblem(error),
    });
  }

  #send(message: ServerMessage): void {
    this.#connection?.write(encodeText(jsonLine(message)));
  }
}
