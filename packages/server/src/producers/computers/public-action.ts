import type { Action } from './action.ts';

/** Of a URL, characters. */
const URL_SHOWN = 8192;

/**
 * An action as the stream tells it. What was typed may be a password, and the address of a proxy may hold one: of the
 * first only the length is told, of the second only where it leads. A shell line is told, its environment is not.
 */
export function publicAction(action: Action): Readonly<Record<string, unknown>> {
  const { type } = action;
  switch (action.type) {
    case 'go_to_url':
      return { type, url: action.url.slice(0, URL_SHOWN) };
    case 'click':
    case 'mouse_down':
    case 'mouse_up':
      return { type, x: action.x, y: action.y, button: action.button };
    case 'double_click':
    case 'right_click':
      return { type, x: action.x, y: action.y };
    case 'drag':
      return { type, path: action.path };
    case 'scroll':
      return { type, dx: action.dx, dy: action.dy, ...action.at };
    case 'type':
      return { type, text_length: action.text.length };
    case 'keypress':
      return { type, keys: action.keys.some(isModifier) ? action.keys : action.keys.map(publicKey) };
    case 'key_down':
    case 'key_up':
      return { type, key: publicKey(action.key) };
    case 'wait':
      return { type, ms: action.ms };
    case 'screenshot':
      return { type, base64: action.base64, format: action.format, full_page: action.fullPage };
    case 'set_viewport':
      return { type, width: action.width, height: action.height, scale_factor: action.scale };
    case 'new_tab':
      return { type, url: action.url?.slice(0, URL_SHOWN) ?? null };
    case 'change_proxy':
      return { type, proxy: proxyPlace(action.proxyUrl) };
    case 'debug': {
      const { command, cwd, timeoutMs } = action.shell;
      return { type, command, cwd, timeout_seconds: timeoutMs / 1000 };
    }
    case 'get_html_content':
    case 'list_tabs':
    case 'switch_tab':
    case 'close_tab':
      return { type };
  }
}

function isModifier(key: string): boolean {
  return /^(?:ctrl|control|alt|meta|cmd|command)$/i.test(key);
}

// A single character may be one of a password; what else is on a keyboard, and what a shortcut is, is no secret.
function publicKey(key: string): string {
  return Array.from(key).length === 1 ? '•' : key;
}

function proxyPlace(text: string): string | null {
  const url = URL.parse(text);
  return url === null ? null : `${url.protocol}//${url.host}`;
}
