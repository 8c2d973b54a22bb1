import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { checkInput } from '../check-input.ts';
import type { Action, ActionDetail, ShellRequest } from './action.ts';
import { type ShellLimits, shellRequest, shellSchema } from './shell-input.ts';
import { withoutNulls } from './without-nulls.ts';

/** Other names of actions: those of their paths. Hyphens stand for underscores everywhere. */
const ALIASES: Readonly<Record<string, string>> = {
  navigate: 'go_to_url',
  goto: 'go_to_url',
  hotkey: 'keypress',
  html: 'get_html_content',
  viewport: 'set_viewport',
};

const number = z.number().min(-1e7).max(1e7);
const x = number;
const y = number;
const button = z.enum(['left', 'middle', 'right']).exactOptional();
const key = z.string().min(1).max(64);
const url = z
  .string()
  .min(1)
  .max(64 * 1024);

// Members that nobody knows are ignored.
const point = z.object({ x, y });
const pressed = point.extend({ button });
const common = z.object({
  tab_id: z.string().max(64).exactOptional(),
  include_context: z.boolean().exactOptional(),
  request_id: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 characters without blanks')
    .exactOptional(),
});

const drag = z.union(
  [
    z.object({ x1: number, y1: number, x2: number, y2: number }),
    z.object({ path: z.array(point).min(2).max(1000) }),
  ],
  'must have x1, y1, x2 and y2, or a path of two points or more',
);
const scroll = z.object({
  dx: number.exactOptional(),
  dy: number.exactOptional(),
  scroll_x: number.exactOptional(),
  scroll_y: number.exactOptional(),
  x: x.exactOptional(),
  y: y.exactOptional(),
});
const keypress = z.object({
  keys: z.union([z.array(key).min(1).max(16), key.transform((one) => [one])]).exactOptional(),
  key: key.exactOptional(),
});
const screenshot = z.object({
  base64: z.boolean().exactOptional(),
  format: z.enum(['png', 'jpeg']).exactOptional(),
  quality: z.int().min(1).max(100).exactOptional(),
  full_page: z.boolean().exactOptional(),
});
const viewport = z.object({
  width: z.int().min(1).max(7680).exactOptional(),
  height: z.int().min(1).max(4320).exactOptional(),
  scale_factor: z.number().min(0.25).max(4).exactOptional(),
});

export interface ActionLimits {
  /** The longest `wait`, ms. */
  readonly waitMs: number;
  readonly shell: ShellLimits;
}

/**
 * An action out of a JSON object, as it stands in the body of `execute`, in a batch, on the socket, or, with `type`
 * given by the path, in the body of that path. Throws `invalid-request`.
 */
export function readAction(input: unknown, requestId: string, limits: ActionLimits): Action {
  const members = withoutNulls(input ?? {});
  const { type } = checkInput(z.object({ type: z.string().max(64) }), members);
  const { tab_id, include_context, request_id } = checkInput(common, members);
  return {
    requestId: request_id ?? requestId,
    ...(tab_id === undefined ? {} : { tabId: tab_id }),
    includeContext: include_context ?? false,
    ...readDetail(type, members, limits),
  };
}

function readDetail(name: string, input: unknown, limits: ActionLimits): ActionDetail {
  const plain = name.toLowerCase().replaceAll('-', '_');
  const type = ALIASES[plain] ?? plain;
  switch (type) {
    case 'go_to_url':
      return { type, ...checkInput(z.object({ url }), input) };
    case 'click':
    case 'mouse_down':
    case 'mouse_up': {
      const at = checkInput(pressed, input);
      return { type, x: at.x, y: at.y, button: at.button ?? 'left' };
    }
    case 'double_click':
    case 'right_click':
      return { type, ...checkInput(point, input) };
    case 'drag': {
      const found = checkInput(drag, input);
      if ('path' in found) return { type, path: found.path };
      const { x1, y1, x2, y2 } = found;
      return {
        type,
        path: [
          { x: x1, y: y1 },
          { x: x2, y: y2 },
        ],
      };
    }
    case 'scroll': {
      const found = checkInput(scroll, input);
      const { dx, dy, scroll_x = 0, scroll_y = 0, x: column, y: row } = found;
      const turned = { type, dx: dx ?? scroll_x, dy: dy ?? scroll_y } as const;
      return column === undefined || row === undefined ? turned : { ...turned, at: { x: column, y: row } };
    }
    case 'type':
      return { type, ...checkInput(z.object({ text: z.string().max(256 * 1024) }), input) };
    case 'keypress': {
      const { keys, key: one } = checkInput(keypress, input);
      const all = keys ?? (one === undefined ? undefined : [one]);
      if (all === undefined) throw missing('keys');
      return { type, keys: all };
    }
    case 'key_down':
    case 'key_up':
      return { type, ...checkInput(z.object({ key }), input) };
    case 'wait':
      return { type, ...checkInput(z.object({ ms: z.number().min(0).max(limits.waitMs) }), input) };
    case 'screenshot': {
      const wanted = checkInput(screenshot, input);
      return {
        type,
        base64: wanted.base64 ?? false,
        format: wanted.format ?? 'png',
        fullPage: wanted.full_page ?? false,
        ...(wanted.quality === undefined ? {} : { quality: wanted.quality }),
      };
    }
    case 'set_viewport': {
      const wanted = checkInput(viewport, input);
      return {
        type,
        ...(wanted.width === undefined ? {} : { width: wanted.width }),
        ...(wanted.height === undefined ? {} : { height: wanted.height }),
        ...(wanted.scale_factor === undefined ? {} : { scale: wanted.scale_factor }),
      };
    }
    case 'get_html_content':
    case 'list_tabs':
      return { type };
    case 'switch_tab':
    case 'close_tab':
      if (checkInput(common, input).tab_id === undefined) throw missing('tab_id');
      return { type };
    case 'new_tab':
      return { type, url: checkInput(z.object({ url: url.exactOptional() }), input).url ?? null };
    case 'change_proxy': {
      const { proxy_url } = checkInput(z.object({ proxy_url: z.string().max(2048).exactOptional() }), input);
      return { type, proxyUrl: proxy_url ?? '' };
    }
    case 'debug':
      return { type, shell: readDebug(input, limits.shell) };
    default:
      throw new PlayheadError('invalid-request', `type: there is no action ${JSON.stringify(name)}`, {
        extensions: { field: 'type' },
      });
  }
}

/** `{debug: {command, …}}`, or its members flat. */
function readDebug(input: unknown, limits: ShellLimits): ShellRequest {
  const schema = shellSchema(limits);
  const nested = z.object({ debug: z.record(z.string(), z.unknown()) }).safeParse(input);
  const members = nested.success ? withoutNulls(nested.data.debug) : input;
  return shellRequest(checkInput(schema, members), limits, 'debug');
}

function missing(field: string): PlayheadError {
  return new PlayheadError('invalid-request', `${field}: is missing`, { extensions: { field } });
}
