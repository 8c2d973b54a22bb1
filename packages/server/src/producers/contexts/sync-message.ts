import { z } from 'zod';
import { isShallow, type Json, type JsonObject } from './json-value.ts';

/** `public` is stored as it is; see privacy.ts for the others. */
export const PRIVACY_LEVELS = ['public', 'private', 'restricted', 'filtered'] as const;

export type PrivacyLevel = (typeof PRIVACY_LEVELS)[number];

/** A tab is numbered by its browser: the same number on two devices is two tabs. */
export type TabId = string | number;

/** Characters. */
export const MAX_URL = 16_384;
export const MAX_TITLE = 4_096;

const line = (max: number): z.ZodString => z.string().max(max);
const name = line(256)
  .min(1)
  .refine(
    (text) => text.isWellFormed() && !/[\0-\x1f\x7f]/.test(text),
    'must be text without control characters',
  );
const tabId = z.union([z.int(), line(128).min(1)]);
const url = line(MAX_URL);
const title = line(MAX_TITLE);
const level = z.enum(PRIVACY_LEVELS);
const json = z.custom<Json>((value) => isShallow(value), 'is nested too deep');

/** ISO 8601, or ms since 1970: whole ones, as browsers' clocks have fractions that no other time here has. */
const time = z.union([
  z
    .number()
    .min(0)
    .max(8.64e15)
    .transform((ms) => Math.floor(ms)),
  line(40)
    .transform((text) => Date.parse(text))
    .refine((ms) => !Number.isNaN(ms), 'must be a time in ISO 8601, or ms since 1970'),
]);

/** Who somebody is; what a JWT or a key says is compared with it as it is. */
export const userId: z.ZodType<string> = name;

/** What a device says of itself. */
export interface Device {
  readonly id?: string;
  readonly name?: string;
  readonly os?: string;
  readonly formFactor?: string;
  readonly arch?: string;
}

export const device: z.ZodType<Device> = z.object({
  id: name.exactOptional(),
  name: name.exactOptional(),
  os: name.exactOptional(),
  formFactor: name.exactOptional(),
  arch: name.exactOptional(),
});

interface PageParts {
  readonly url?: string;
  readonly title?: string;
  readonly windowId?: TabId;
}

/** A page, or a part of one, as an extension describes it. Members that are not listed are kept. */
export interface BrowserContext extends PageParts {
  readonly id: string;
  readonly type: string;
  /** Without it: that of what is known of the context, else `public`. */
  readonly privacyLevel?: PrivacyLevel;
  readonly tabId?: TabId;
  readonly tab?: PageParts & { readonly id?: TabId; readonly tabId?: TabId; readonly active?: boolean };
  readonly [member: string]: unknown;
}

/** What a message says of a tab. */
export interface TabPayload extends PageParts {
  readonly type: 'tab' | 'navigation';
  readonly tabId: TabId;
  readonly previousUrl?: string;
  readonly transitionType?: string;
  readonly navigationType?: string;
  readonly navigationTime?: number;
  readonly statusCode?: number;
  readonly privacyLevel?: PrivacyLevel;
}

export interface ContextPayload {
  readonly type: 'context';
  readonly operation?: Operation;
  readonly context: BrowserContext;
}

const OPERATIONS = ['create', 'update', 'delete'] as const;

export type Operation = (typeof OPERATIONS)[number];

/** What an extension sends for each change (CX-27). The payload goes with the type: see shapeProblem. */
export interface SyncMessage {
  readonly id: string;
  readonly type: Operation | 'activate' | 'deactivate' | 'navigate' | 'heartbeat';
  /** ms since 1970. */
  readonly timestamp?: number;
  readonly userId?: string;
  readonly extensionId?: string;
  readonly device?: Device;
  readonly deviceInfo?: Device;
  readonly payload?: ContextPayload | TabPayload | { readonly type: 'heartbeat' };
}

/** What a client has others told: the payload is its own affair. */
export interface BroadcastEvent {
  readonly payload: { readonly kind: string; readonly data?: Json; readonly context?: Json };
  readonly source?: JsonObject;
}

const tabParts = { url: url.exactOptional(), title: title.exactOptional(), windowId: tabId.exactOptional() };

const browserContext = z.looseObject({
  id: name,
  type: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'must be a word')
    .default('page'),
  privacyLevel: level.exactOptional(),
  tabId: tabId.exactOptional(),
  tab: z
    .looseObject({
      id: tabId.exactOptional(),
      tabId: tabId.exactOptional(),
      active: z.boolean().exactOptional(),
      ...tabParts,
    })
    .exactOptional(),
  ...tabParts,
});

const tab = z.object({
  type: z.enum(['tab', 'navigation']),
  tabId,
  ...tabParts,
  previousUrl: url.exactOptional(),
  transitionType: line(64).exactOptional(),
  navigationType: line(64).exactOptional(),
  navigationTime: z.number().exactOptional(),
  statusCode: z.int().exactOptional(),
  privacyLevel: level.exactOptional(),
});

const payload = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('context'),
    operation: z.enum(OPERATIONS).exactOptional(),
    context: browserContext,
  }),
  tab,
  z.looseObject({ type: z.literal('heartbeat') }),
]);

export const syncMessage: z.ZodType<SyncMessage> = z
  .object({
    id: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible characters'),
    type: z.enum([...OPERATIONS, 'activate', 'deactivate', 'navigate', 'heartbeat']),
    timestamp: time.exactOptional(),
    userId: userId.exactOptional(),
    extensionId: name.exactOptional(),
    device: device.exactOptional(),
    deviceInfo: device.exactOptional(),
    payload: payload.exactOptional(),
  })
  .superRefine((message, context) => {
    const problem = shapeProblem(message);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['payload'], message: problem });
  });

export const broadcastEvent: z.ZodType<BroadcastEvent> = z.object({
  payload: z.object({
    kind: z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ : -'),
    data: json.exactOptional(),
    context: json.exactOptional(),
  }),
  source: z
    .custom<JsonObject>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && isShallow(value),
    )
    .exactOptional(),
});

interface Shape {
  readonly type: SyncMessage['type'];
  readonly payload?: { readonly type: string; readonly operation?: string } | undefined;
}

// Which payloads go with which type: a closing tab is the deletion of a tab.
function shapeProblem({ type, payload: about }: Shape): string | undefined {
  if (type === 'heartbeat') return undefined;
  if (about === undefined) return 'is missing';
  if (!isShallow(about)) return 'is nested too deep';
  switch (type) {
    case 'create':
    case 'update':
      if (about.type !== 'context') return 'must be a context';
      break;
    case 'delete':
      if (about.type !== 'context' && about.type !== 'tab') return 'must be a context or a tab';
      break;
    case 'navigate':
      if (about.type !== 'navigation' && about.type !== 'tab') return 'must be a navigation or a tab';
      break;
    case 'activate':
    case 'deactivate':
      if (about.type !== 'tab') return 'must be a tab';
  }
  const { operation } = about;
  return operation === undefined || operation === type
    ? undefined
    : 'must be of the same operation as its message';
}
