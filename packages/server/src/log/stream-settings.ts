import { PlayheadError } from '@playhead/protocol';
import type { CreateOptions, Durability, RetentionRule } from './event-log.ts';

/** How a stream was made, with every default filled in: what an engine keeps of `CreateOptions`. */
export interface StreamSettings {
  readonly contentType: string;
  readonly durability: Durability;
  readonly ttl: number | undefined;
  readonly expiresAt: number | undefined;
  readonly rule: RetentionRule;
}

/** Throws `invalid-request` for a time or size that is not one. */
export function settingsOf(options: CreateOptions, durability: Durability): StreamSettings {
  checkRule(options.retention ?? {});
  checkAmount(options.ttl, 'ttl');
  checkAmount(options.expiresAt, 'expiresAt');
  const contentType = options.contentType ?? 'application/json';
  if (contentType.length > 256)
    throw new PlayheadError('invalid-request', 'A content type is at most 256 characters.');
  return {
    contentType,
    durability: options.durability ?? durability,
    ttl: options.ttl,
    expiresAt: options.expiresAt,
    rule: options.retention ?? {},
  };
}

/** The media type of a content type: in lower case, without its parameters. */
export function mediaTypeOf(contentType: string): string {
  if (contentType === 'application/json') return contentType;
  const end = contentType.indexOf(';');
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** A stream's content type if an append wants another one. */
export function otherType(settings: StreamSettings, wanted: string | undefined): string | undefined {
  const { contentType } = settings;
  if (wanted === undefined || wanted === contentType || wanted === mediaTypeOf(contentType)) return undefined;
  return contentType;
}

export function checkRule(rule: RetentionRule): void {
  checkAmount(rule.maxAge ?? undefined, 'maxAge');
  checkAmount(rule.maxBytes, 'maxBytes');
}

/** Whether a stream made so and last used at `touched` is over. */
export function isExpired(settings: StreamSettings, touched: number, now: number): boolean {
  if (settings.expiresAt !== undefined && settings.expiresAt <= now) return true;
  return settings.ttl !== undefined && touched + settings.ttl <= now;
}

/** What applies where a stream's own rule says nothing (D-6). */
export interface RetentionDefaults {
  /** ms; null: never by age. */
  readonly maxAge: number | null;
  /** Bytes a stream. */
  readonly maxBytes: number;
}

export const RETENTION_DEFAULTS: RetentionDefaults = { maxAge: 7 * 24 * 3_600_000, maxBytes: 256 * 2 ** 20 };

/** A stream's rule with the defaults filled in. */
export function effectiveRule(rule: RetentionRule, defaults: RetentionDefaults): RetentionDefaults {
  return {
    maxAge: rule.maxAge === undefined ? defaults.maxAge : rule.maxAge,
    maxBytes: rule.maxBytes ?? defaults.maxBytes,
  };
}

function checkAmount(value: number | undefined, name: string): void {
  if (value === undefined) return;
  if (!Number.isFinite(value) || value < 0) {
    throw new PlayheadError('invalid-request', `${name} is a number from 0.`);
  }
}
