import { placeOnly, withoutSecrets } from './clean-url.ts';
import { isObject, type Json, type JsonObject, mapKeys } from './json-value.ts';
import { REDACTED, redactPersonal } from './redact-personal.ts';
import { sanitiseHtml } from './sanitise-html.ts';
import type { BrowserContext, PrivacyLevel, TabPayload } from './sync-message.ts';

/**
 * What is left of a context at its privacy level, before anything of it is stored:
 *
 * - `public`: all of it.
 * - `private`: without personal data; `[redacted]` stands in its place.
 * - `restricted`: metadata only, and these without personal data: which page, in which tab, since when. No content,
 *   no selection, no forms; of the URL the place alone.
 * - `filtered`: sanitised: HTML without anything that runs or loads, forms without passwords and the like, URLs without
 *   secrets, no control characters.
 */
export function applyPrivacy(context: BrowserContext, level: PrivacyLevel): JsonObject {
  const whole = { ...(context as unknown as JsonObject), privacyLevel: level };
  switch (level) {
    case 'public':
      return whole;
    case 'private':
      return mapKeys(
        mapMembers(whole, (key, value) => (IDENTITY.has(key) ? value : redact(key, value))),
        redactPersonal,
      );
    case 'restricted':
      return mapMembers(whole, (key, value) => (IDENTITY.has(key) ? value : restricted(key, value)));
    case 'filtered':
      return mapMembers(whole, (key, value) => (IDENTITY.has(key) ? value : filter(key, value)));
  }
}

/** The same for a tab, whose level is that of the page in it. */
export function applyTabPrivacy(tab: TabPayload, level: PrivacyLevel): TabPayload {
  const { url, title, previousUrl } = tab;
  return {
    ...tab,
    ...(url === undefined ? {} : { url: cleanUrl(url, level) }),
    ...(previousUrl === undefined ? {} : { previousUrl: cleanUrl(previousUrl, level) }),
    ...(title === undefined ? {} : { title: cleanTitle(title, level) }),
  };
}

/** What says which context it is, and is no text of a page. */
const IDENTITY = new Set(['id', 'type', 'userId', 'tabId', 'windowId', 'privacyLevel']);

/** All that stays of a restricted context, besides its identity and its tab. */
const METADATA = new Set([
  'timestamp',
  'timing',
  'createdAt',
  'updatedAt',
  'language',
  'active',
  'index',
  'pinned',
  'audible',
  'status',
]);

const FORMS = new Set(['formData', 'form', 'forms', 'fields']);
const MARKUP = new Set(['html', 'outerHTML', 'innerHTML', 'surroundingHtml']);
/** Fields that are secrets, or say who somebody is, by their names. */
const SECRET_FIELD = /pass|pwd|secret|token|card|cvv|cvc|iban|ssn|otp|\bpin\b|security/i;
const PERSONAL_FIELD = /name|mail|phone|tel|mobile|address|street|city|zip|postal|birth|gender|company/i;

function restricted(key: string, value: Json): Json | undefined {
  if (IDENTITY.has(key)) return isIdentifier(value) ? value : undefined;
  if (key === 'url') return typeof value === 'string' ? redactPersonal(placeOnly(value)) : undefined;
  if (key === 'title') return typeof value === 'string' ? redactPersonal(value) : undefined;
  if (key === 'tab' || key === 'timing') return isObject(value) ? mapMembers(value, restricted) : undefined;
  // A text of any length could stand where a time is expected.
  if (!METADATA.has(key) && !/^\w{1,32}(?:At|Time|Ms|Start|End)$/.test(key)) return undefined;
  return typeof value === 'number' || typeof value === 'boolean' || isShort(value) ? value : undefined;
}

function redact(key: string, value: Json): Json {
  if (FORMS.has(key))
    return eachField(value, (name, text) =>
      SECRET_FIELD.test(name) || PERSONAL_FIELD.test(name) ? REDACTED : redactPersonal(text),
    );
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => redact(key, each));
  if (isObject(value))
    return mapMembers(value, (name, each) =>
      IDENTITY.has(name) && isIdentifier(each) ? each : redact(name, each),
    );
  if (typeof value !== 'string') return value;
  return isUrlName(key) ? cleanUrl(value, 'private') : redactPersonal(value);
}

function filter(key: string, value: Json): Json {
  if (FORMS.has(key))
    return eachField(value, (name, text) => (SECRET_FIELD.test(name) ? REDACTED : plain(text)));
  if (typeof value === 'string') {
    if (isUrlName(key)) return cleanUrl(value, 'filtered');
    return MARKUP.has(key) || /<[a-z!/]/i.test(value) ? sanitiseHtml(plain(value)) : plain(value);
  }
  if (isObject(value)) return mapMembers(value, (name, each) => filter(name, each));
  return Array.isArray(value) ? (value as readonly Json[]).map((each) => filter(key, each)) : value;
}

/**
 * Each value of a form. A field is a member, or an object that names itself: `{name, type, value}`; whatever its
 * type says is a secret is one, and so is what stands within it.
 */
function eachField(value: Json, map: (name: string, text: string) => string, name: string = ''): Json {
  if (typeof value === 'string') return map(name, value);
  if (typeof value === 'number') return map(name, String(value)) === String(value) ? value : REDACTED;
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => eachField(each, map, name));
  if (!isObject(value)) return value;
  // Without a value it describes no field: its `name` is what somebody is called.
  const describes = Object.hasOwn(value, 'value');
  const called = describes
    ? [value['name'], value['id'], value['type'], value['autocomplete'], value['label']]
        .filter((each) => typeof each === 'string')
        .join(' ')
    : '';
  return mapMembers(value, (key, each) =>
    describes && (key === 'name' || key === 'type' || key === 'id') && typeof each === 'string'
      ? map('', each)
      : eachField(each, map, `${name} ${key} ${called}`),
  );
}

function cleanUrl(url: string, level: PrivacyLevel): string {
  switch (level) {
    case 'public':
      return url;
    case 'private':
      return redactPersonal(withoutSecrets(url));
    case 'restricted':
      return redactPersonal(placeOnly(url));
    case 'filtered':
      return RUNS.test(plain(url)) ? '' : withoutSecrets(plain(url));
  }
}

function cleanTitle(title: string, level: PrivacyLevel): string {
  if (level === 'public') return title;
  return level === 'filtered' ? plain(title) : redactPersonal(title);
}

function mapMembers(value: JsonObject, map: (key: string, value: Json) => Json | undefined): JsonObject {
  const kept: [string, Json][] = [];
  for (const [key, each] of Object.entries(value)) {
    const mapped = map(key, each);
    if (mapped !== undefined) kept.push([key, mapped]);
  }
  return Object.fromEntries(kept);
}

/** What readers of URLs run, or show as a page of its own; they pass over spaces and line ends in front and within. */
const RUNS = /^\s*(?:j\s*a\s*v\s*a|v\s*b)\s*s\s*c\s*r\s*i\s*p\s*t\s*:|^\s*d\s*a\s*t\s*a\s*:/i;

// What a page can hardly write: an id within something else is no place for a sentence, or a mail address.
function isIdentifier(value: Json): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^[\w.:~-]{1,128}$/.test(value));
}

function isUrlName(key: string): boolean {
  return /ur[il]$|href|referrer/i.test(key);
}

function isShort(value: Json): boolean {
  return typeof value === 'string' && value.length <= 64 && redactPersonal(value) === value;
}

// Tabs and line ends are text; other control characters are not, nor what reverses the direction of reading.
function plain(text: string): string {
  return text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, '');
}
