import type { Receipt } from '@playhead/protocol';
import type { AttachRequest, EndReason } from '../hub/hub.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Batch } from '../log/event-log.ts';

/**
 * How one documented surface looks on Server-Sent Events: the text of what is sent, blank lines included. One
 * object per surface, shared by all its connections, so that what it encodes is shared too.
 */
export interface SseFace {
  /** Sent before the first event, and again (`again`) after events were lost to the reader. */
  preamble(receipt: Receipt, again: boolean): string;
  /** Every event of a batch, in order. */
  encode(batch: Batch): string;
  /** Proof of life on an idle connection. */
  heartbeat(now: number): string;
  /** Sent before the response ends; '' for nothing. */
  epilogue(reason: EndReason): string;
}

export interface SseRequest extends AttachRequest {
  readonly face: SseFace;
  /**
   * In place of the face's preamble, where that depends on more than the receipt (the stream's name, whether the
   * reader was here before). The face stays one shared object, and so do the bytes that it encodes.
   */
  readonly preamble?: SseFace['preamble'];
}

/** The SSE transport as faces see it. */
export interface SseTransport {
  /**
   * Answers with an event stream that ends when the stream, the reader or the server does: 204 if the stream is
   * closed and `from` is its end, `stream-not-found` (thrown, nothing sent yet) if there is none.
   */
  respond(exchange: Exchange, request: SseRequest): Promise<void>;
}
