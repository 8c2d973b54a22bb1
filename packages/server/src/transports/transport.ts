import type { Position, Receipt } from '@playhead/protocol';
import type { AttachRequest, ChunkEnd, EndReason } from '../hub/hub.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Batch } from '../log/event-log.ts';

/**
 * How one documented surface looks on Server-Sent Events, or as another response without end where the request's headers
 * have another `content-type`: what is sent, blank lines included. One object per surface, shared by all its
 * connections, so that what it encodes is shared too.
 */
export interface SseFace {
  /** Sent before the first event, and again (`again`) after events were lost to the reader. */
  preamble(receipt: Receipt, again: boolean): string;
  /** Every event of a batch, in order; '' for what the surface does not show. */
  encode(batch: Batch): string | Uint8Array;
  /** What is sent for encoded batches that end at `end`; without it they are sent one behind the other. */
  join?(parts: readonly Uint8Array[], end: ChunkEnd): Uint8Array;
  /** Proof of life on an idle connection; '' for none. */
  heartbeat(now: number): string;
  /** Sent before the response ends; '' for nothing. `cursor` stands behind the last event sent, where that is known. */
  epilogue(reason: EndReason, cursor: Position | undefined): string;
}

export interface SseRequest extends AttachRequest {
  readonly face: SseFace;
  /**
   * In place of the face's preamble, where that depends on more than the receipt (the stream's name, whether the
   * reader was here before). The face stays one shared object, and so do the bytes that it encodes.
   */
  readonly preamble?: SseFace['preamble'];
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What a reader at the end of a closed stream gets in place of 204: 200 and the epilogue. */
  readonly finished?: 'epilogue';
  /** What becomes of a reader that events were lost to: told by another preamble, or `end` ends the response. */
  readonly gap?: 'end';
  /** The response ends after about this many ms, between frames, so that its reader comes back. */
  readonly lifetimeMs?: number;
}

/** The SSE transport as faces see it. */
export interface SseTransport {
  /**
   * Answers with an event stream that ends when the stream, the reader or the server does: 204 if the stream is
   * closed and `from` is its end, `stream-not-found` (thrown, nothing sent yet) if there is none.
   */
  respond(exchange: Exchange, request: SseRequest): Promise<void>;
}
