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
  | { readonly type: 'close'; readonly id?: string; readonly stream: string }
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

export interface AppendMessage {
  readonly type: 'append';
  readonly id?: string;
  readonly stream: string;
  readonly events: readonly { readonly type: string; readonly data: unknown }[];
  /** Makes the append idempotent: see the log's guards. `sequence` counts from 0 within `epoch`. */
  readonly writer?: { readonly id: string; readonly epoch: number; readonly sequence: number };
  /** Appends only if this is the latest position. */
  readonly expected?: string;
  /** Closes the stream with these events. */
  readonly close?: boolean;
}

export interface CreateMessage {
  readonly type: 'create';
  readonly id?: string;
  readonly stream: string;
  readonly durability?: 'durable' | 'volatile';
  readonly ttl_seconds?: number;
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
      readonly reason: 'finished' | 'deleted' | 'draining' | 'failed';
    }
  | {
      readonly type: 'subscribed' | 'unsubscribed' | 'closed' | 'deleted';
      readonly id?: string;
      readonly stream: string;
    }
  | {
      readonly type: 'created';
      readonly id?: string;
      readonly stream: string;
      readonly existed: boolean;
      readonly position: string;
    }
  | {
      readonly type: 'appended';
      readonly id?: string;
      readonly stream: string;
      readonly position: string;
      readonly repeated?: true;
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
