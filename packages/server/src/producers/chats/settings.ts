/** What an operator may set about chats. Intervals in ms, sizes in bytes. */
export interface ChatSettings {
  /** Answers at once, of all chats. */
  readonly maxRunning: number;
  /** The longest question, as UTF-8. */
  readonly promptBytes: number;
  /** An answer that grows beyond this is stopped as failed. */
  readonly answerBytes: number;
  /** How long an answer may take. */
  readonly timeLimitMs: number;
  /** How long before that its readers are told. */
  readonly noticeMs: number;
  /** How long a model may say nothing. */
  readonly stallMs: number;
  /** How long the documented call waits for the first piece of text before it answers 200 without one (D-42). */
  readonly firstMs: number;
  /** Between two events on the documented call (D-13). */
  readonly gapMs: number;
  readonly heartbeatMs: number;
  readonly uncommittedBytes: number;
  readonly retryMs: number;
  readonly storagePatienceMs: number;
}
