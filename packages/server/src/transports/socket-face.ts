import type { ProblemCode, Receipt } from '@playhead/protocol';
import type { Attached, AttachRequest, EndReason } from '../hub/hub.ts';
import type { Access } from '../http/router.ts';
import type { Upgrade } from '../http/upgrade.ts';
import type { Batch } from '../log/event-log.ts';

/**
 * One documented surface on WebSocket: who may open it, and what is said there. The transport does the rest: the
 * handshake, frames, heartbeats, pacing, back-pressure and the end. One object per surface.
 */
export interface SocketFace {
  /** Like a route's: `/computers/:id/ws`. The last segments name what the socket is about. */
  readonly paths: readonly string[];
  readonly access: Access;
  /** Whether `?token=` counts as a key here (D-23). Default false. */
  readonly tokenInQuery?: boolean;
  /** Whether the console's cookie counts here (D-20). Default true. */
  readonly cookies?: boolean;
  /** Subprotocols that it speaks, the best first. A client that asks for none of them gets none. */
  readonly protocols?: readonly string[];
  /** Bytes of one message of the client. Default the transport's. */
  readonly messageBytes?: number;
  /**
   * Decides about a request. What it throws is answered like any failed HTTP request, in the shape of the path;
   * what it returns is called once the handshake is done.
   */
  admit(request: SocketRequest): Opening | Promise<Opening>;
}

export interface SocketRequest extends Pick<Upgrade, 'id' | 'params' | 'query' | 'address' | 'principal'> {
  /** The value of `Origin`, if there is one. */
  readonly origin: string | undefined;
  /** The subprotocol agreed on. */
  readonly protocol: string | undefined;
}

/** Begins the conversation on an open socket. */
export type Opening = (line: SocketLine) => SocketListener;

/** What the client does. Called one after the other, never re-entrantly. */
export interface SocketListener {
  /** One text message. What it throws, or rejects with, closes the socket by the error table. */
  text(message: string): void | Promise<void>;
  /** One binary message. Without it they are treated as text messages if they are UTF-8. */
  bytes?(message: Buffer): void | Promise<void>;
  /** The last call: the connection is gone, however it went. */
  closed(): void;
}

/** One open WebSocket, as a face sees it. */
export interface SocketLine {
  /** One text message; false: the client is behind, and what need not be said now should wait for less to be said. */
  send(text: string): boolean;
  /** One binary message of these parts, one behind the other. */
  sendBytes(...parts: readonly Uint8Array[]): boolean;
  /** Subscribes this socket. Disposing the subscription ends it without `end`; so does the end of the socket. */
  watch(request: WatchRequest): Promise<Attached>;
  /** Stops reading what the client sends, and goes on. A client that is behind is not read anyway. */
  pause(): void;
  resume(): void;
  /** Closes with the close code of a problem, or as done (1000); frames sent before still go out. */
  close(code: ProblemCode | 'finished', reason: string): void;
  readonly open: boolean;
}

export interface WatchRequest extends AttachRequest {
  readonly rendering: SocketRendering;
  /** Something of the stream goes out now, to this socket: its newest events, where delivery is `latest`. */
  sent?(): void;
  receipt?(receipt: Receipt, again: boolean): void;
  end?(reason: EndReason): void;
}

/**
 * How a stream's events look on a surface. One object per surface, or per surface and stream, shared by all its
 * viewers, so that what it renders is shared too. Viewers with delivery `latest` are paced (D-29).
 */
export interface SocketRendering {
  /** One message per entry: text, or bytes. Events that the surface does not show have none. */
  render(batch: Batch): readonly (string | Uint8Array)[];
}

/** What serves faces on WebSocket. */
export interface SocketFaces {
  serve(face: SocketFace): void;
}
