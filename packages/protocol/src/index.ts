export type { Receipt, ScreenSnapshot, StreamEvent, StreamPage, StreamSummary } from './event.ts';
export { escapeLineBreaks, jsonLine } from './json.ts';
export type { Epoch, Position } from './position.ts';
export {
  comparePositions,
  formatEpoch,
  formatOffset,
  formatPosition,
  POSITION_MAX_LENGTH,
  parsePosition,
} from './position.ts';
export type { PlayheadErrorOptions, Problem, ProblemCode, ProblemRow } from './problem.ts';
export { PlayheadError, PROBLEMS, toProblem } from './problem.ts';
export type { SseDecoderOptions, SseFrame, SseMessage } from './sse.ts';
export { encodeSse, SseDecoder } from './sse.ts';
export type { StreamName } from './stream-name.ts';
export { isStreamName, kindOf, STREAM_NAME_MAX_LENGTH } from './stream-name.ts';
export type {
  AppendMessage,
  ClientMessage,
  CloseMessage,
  Content,
  CreateMessage,
  ReadMessage,
  ServerMessage,
  SubscribeMessage,
  TerminalMessage,
  Writer,
} from './websocket.ts';
