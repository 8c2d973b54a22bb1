import { type DestinationStream, destination, type Logger as Pino, pino, stdTimeFunctions } from 'pino';
import type { LogFields, Logger } from './logger.ts';
import { redaction } from './redact.ts';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Never to appear, whatever they look like. */
  readonly secrets?: readonly string[];
  /** Where lines go; default: stderr, so that stdout is for what a program reads. */
  readonly destination?: DestinationStream;
}

/**
 * Structured logs: one JSON object a line, `level` as a word, `time` in ISO 8601. Lines are written at once, so
 * the last one before a crash is there. A field that is `key` is taken for a credential: name a stream `stream`.
 */
export function createLogger(options: LoggerOptions): Logger {
  const redact = redaction(options.secrets ?? []);
  const out = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors were made plain and clean before they get here.
      serializers: { err: (value: unknown) => value },
    },
    options.destination ?? destination({ dest: 2, sync: true }),
  );
  return {
    debug: (fields, message) => write(out, 'debug', fields, message),
    info: (fields, message) => write(out, 'info', fields, message),
    warn: (fields, message) => write(out, 'warn', fields, message),
    error: (fields, message) => write(out, 'error', fields, message),
  };

  function write(target: Pino, level: keyof Logger, fields: LogFields, message: string): void {
    // Cleaning costs more than writing: not for lines that are not written.
    if (target.isLevelEnabled(level)) target[level](redact(fields), String(redact(message)));
  }
}
