import type { Receipt, ScreenSnapshot, StreamEvent } from './event.ts';
import type { Problem } from './problem.ts';

/**
 * Messages on `/v1/socket`, each a JSON object in one text frame. A message about a stream names it; one socket
 * has at most one subscription per stream. `id` is any text of the client's, given back in the answer.
 */
export type ClientMessage =
  | SubscribeMessage
  | { readonly type: 'unsubscribe'; readonly id?: string; readonly stream: string }
  | AppendMessage
  | CreateMessage
  | { readonly type: 'head'; readonly id?: string; readonly stream: string }
  | ReadMessage
  | CloseMessage
  | { readonly type: 'delete'; readonly id?: string; readonly stream: string }
  | TerminalMessage;

/** For the terminal whose stream is named. */
export type TerminalMessage =
  /** Types. */
  | {
      readonly type: 'input';
      readonly id?: string;
      readonly stream: string;
      readonly data: string;
      /** Of `data`: text (the default), or bytes in base64. */
      readonly encoding?: 'utf8' | 'base64';
    }
  | {
      readonly type: 'resize';
      readonly id?: string;
      readonly stream: string;
      readonly columns: number;
      readonly rows: number;
    }
  /** Signals what runs in the foreground. */
  | { readonly type: 'signal'; readonly id?: string; readonly stream: string; readonly name: string }
  | {
      readonly type: 'control';
      readonly id?: string;
      readonly stream: string;
      readonly action: 'take' | 'release';
      /** Takes it from whoever has it. */
      readonly force?: boolean;
    };

export interface SubscribeMessage {
  readonly type: 'subscribe';
  readonly id?: string;
  readonly stream: string;
  /**
   * A position, `start` or `live`; of a terminal also `screen`: a snapshot, then what follows it. Without it a
   * command or chat begins at its start, everything else live.
   */
  readonly after?: string;
  /** `every` is the default. */
  readonly delivery?: 'every' | 'latest';
}

/** Reads a stream as the Durable Streams protocol shows it: values of JSON, or bytes. */
export interface ReadMessage {
  readonly type: 'read';
  readonly id?: string;
  readonly stream: string;
  /** A position, `-1` (the beginning, also without it) or `now`. */
  readonly after?: string;
  /** Goes on with what comes. */
  readonly live?: boolean;
}

/** An idempotent writer. `sequence` counts its appends from 0 within `epoch`. */
export interface Writer {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
}

/** What is appended: `events`, `messages`, or a body (`content_type` with `data`, or behind a binary frame's head). */
export interface AppendMessage extends Partial<Content> {
  readonly type: 'append';
  readonly id?: string;
  readonly stream: string;
  readonly events?: readonly { readonly type: string; readonly data: unknown }[];
  /** Makes the append idempotent: see the log's guards. */
  readonly writer?: Writer;
  /** Appends only if this is the latest position. */
  readonly expected?: string;
  /** Appends only if it is greater than that of the newest append that had one. */
  readonly ordinal?: string;
  /** Closes the stream with these events. */
  readonly close?: boolean;
}

/** Values of JSON, or a body as HTTP would carry it. */
export interface Content {
  /** Each becomes a message. */
  readonly messages: readonly unknown[];
  /** Of the body, or of the stream that is made. */
  readonly content_type: string;
  readonly data: string;
  /** Of `data`: text (the default), or bytes in base64. */
  readonly encoding: 'utf8' | 'base64';
}

export interface CreateMessage extends Partial<Content> {
  readonly type: 'create';
  readonly id?: string;
  readonly stream: string;
  readonly durability?: 'durable' | 'volatile';
  readonly ttl_seconds?: number;
  /** RFC 3339. */
  readonly expires_at?: string;
  readonly closed?: boolean;
  /** The name of the stream whose beginning the new one shares. */
  readonly forked_from?: string;
  /** A position in it; without it, its end. */
  readonly fork_offset?: string;
  /** How many messages, or bytes, behind that position. */
  readonly fork_sub_offset?: number;
}

export interface CloseMessage {
  readonly type: 'close';
  readonly id?: string;
  readonly stream: string;
  readonly writer?: Writer;
}

export type ServerMessage =
  /** The first thing after a subscribe, and again after events were lost. */
  | ({ readonly type: 'receipt'; readonly stream: string } & Receipt)
  /** What a terminal shows; the events that follow go on from there. */
  | ({ readonly type: 'snapshot'; readonly stream: string } & ScreenSnapshot)
  | { readonly type: 'events'; readonly stream: string; readonly events: readonly StreamEvent[] }
  /** The subscription is over: the stream is closed and read to its end, is deleted, or the server goes away. */
  | {
      readonly type: 'end';
      readonly stream: string;
      /** Of a read: `caught-up`, it was not to wait and has reached the end; `lost`, what followed was trimmed. */
      readonly reason: 'finished' | 'deleted' | 'draining' | 'failed' | 'caught-up' | 'lost';
    }
  | {
      readonly type: 'subscribed' | 'unsubscribed' | 'deleted';
      readonly id?: string;
      readonly stream: string;
    }
  /** The answer to a `read`: what follows is of this type, and lies behind this position. */
  | {
      readonly type: 'reading';
      readonly id?: string;
      readonly stream: string;
      readonly content_type: string;
      readonly position: string;
      /** Nothing follows yet. */
      readonly up_to_date?: true;
    }
  /** What was read of a stream of JSON, up to `position`. Bytes come in a binary frame with these members as its head. */
  | {
      readonly type: 'data';
      readonly stream: string;
      readonly position: string;
      readonly up_to_date?: true;
      readonly closed?: true;
      readonly messages: readonly unknown[];
    }
  | {
      readonly type: 'head';
      readonly id?: string;
      readonly stream: string;
      readonly content_type: string;
      readonly position: string;
      readonly closed: boolean;
      readonly ttl_seconds?: number;
      readonly expires_at?: string;
    }
  | { readonly type: 'closed'; readonly id?: string; readonly stream: string; readonly position: string }
  | {
      readonly type: 'created';
      readonly id?: string;
      readonly stream: string;
      readonly existed: boolean;
      readonly position: string;
      readonly content_type: string;
      readonly closed: boolean;
    }
  | {
      readonly type: 'appended';
      readonly id?: string;
      readonly stream: string;
      readonly position: string;
      readonly repeated?: true;
      /** The stream is closed now. */
      readonly closed?: true;
      /** The newest that was taken of this writer. */
      readonly sequence?: number;
    }
  /** `input`, `resize` and `signal` have reached the terminal. */
  | { readonly type: 'accepted'; readonly id?: string; readonly stream: string }
  | {
      readonly type: 'control';
      readonly id?: string;
      readonly stream: string;
      /** Who has control now; null: nobody. */
      readonly controller: { readonly viewer: string; readonly key: string } | null;
      /** It is this socket. */
      readonly mine: boolean;
    }
  /** One message failed; the socket goes on. */
  | { readonly type: 'problem'; readonly id?: string; readonly stream?: string; readonly problem: Problem };
