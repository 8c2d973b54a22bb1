import { z } from 'zod';
import { checkInput } from '../check-input.ts';
import type { Action } from './action.ts';
import type { BrowserInput } from './browser-input.ts';
import { type ActionLimits, readAction } from './read-action.ts';
import { withoutNulls } from './without-nulls.ts';

/** What a client says on a computer's socket. `requestId` is its own, which the answer has again. */
export type SocketMessage =
  | { readonly kind: 'ping'; readonly echo: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'control';
      readonly requestId: string | undefined;
      readonly take: boolean;
      readonly force: boolean;
    }
  | {
      readonly kind: 'input';
      readonly requestId: string | undefined;
      readonly input: BrowserInput;
      readonly tab: string | undefined;
    }
  | { readonly kind: 'action'; readonly action: Action };

const number = z.number().min(-1e7).max(1e7);
const modifiers = z
  .object({
    alt: z.boolean().exactOptional(),
    ctrl: z.boolean().exactOptional(),
    meta: z.boolean().exactOptional(),
    shift: z.boolean().exactOptional(),
  })
  .exactOptional();
const key = z.string().max(64);

const input: z.ZodType<BrowserInput> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('mouse'),
    action: z.enum(['move', 'down', 'up']),
    x: number,
    y: number,
    button: z.enum(['left', 'middle', 'right']).nullable().default(null),
    count: z.int().min(1).max(3).exactOptional(),
    modifiers,
  }),
  z.object({ type: z.literal('wheel'), x: number, y: number, dx: number, dy: number, modifiers }),
  z.object({
    type: z.literal('key'),
    action: z.enum(['down', 'up']),
    key,
    code: key,
    repeat: z.boolean().exactOptional(),
    modifiers,
  }),
  z.object({ type: z.literal('text'), text: z.string().max(64 * 1024) }),
  z.object({
    type: z.literal('touch'),
    action: z.enum(['start', 'move', 'end', 'cancel']),
    points: z.array(z.object({ id: z.int().min(0).max(1e6), x: number, y: number })).max(10),
    modifiers,
  }),
]);

const requestId = z.string().max(128).exactOptional();
const controlMessage = z.object({
  request_id: requestId,
  action: z.enum(['take', 'release']),
  force: z.boolean().exactOptional(),
});
const inputMessage = z.object({ request_id: requestId, input, tab_id: z.string().max(64).exactOptional() });
const wrapped = z.object({ action: z.record(z.string(), z.unknown()) });

/** A message out of its JSON; what is no other is an action, in either form of `execute`. Throws `invalid-request`. */
export function readSocketMessage(json: unknown, fallbackId: string, limits: ActionLimits): SocketMessage {
  const message = checkInput(z.record(z.string(), z.unknown()), withoutNulls(json));
  switch (message['type']) {
    case 'ping': {
      const { type: _type, ...echo } = message;
      return { kind: 'ping', echo };
    }
    case 'control': {
      const { request_id, action, force } = checkInput(controlMessage, message);
      return {
        kind: 'control',
        requestId: request_id,
        take: action === 'take',
        force: force ?? false,
      };
    }
    case 'input': {
      const found = checkInput(inputMessage, message);
      return {
        kind: 'input',
        requestId: found.request_id,
        input: found.input,
        tab: found.tab_id,
      };
    }
    default: {
      const inner = wrapped.safeParse(message);
      const action = inner.success ? { request_id: message['request_id'], ...inner.data.action } : message;
      return { kind: 'action', action: readAction(action, fallbackId, limits) };
    }
  }
}
