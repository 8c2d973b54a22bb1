import type { MouseButton, Point } from './browser-action.ts';

/**
 * What a caller can ask of a computer, whichever path it came by. `type` is the documented name, under which it is
 * told too.
 */
export type Action = ActionOptions & ActionDetail;

export interface ActionOptions {
  /** The caller's, or the request's. */
  readonly requestId: string;
  /** Absent: the main tab. */
  readonly tabId?: string;
  /** The answer tells where the page stands. */
  readonly includeContext: boolean;
}

export type ActionDetail =
  | { readonly type: 'go_to_url'; readonly url: string }
  | { readonly type: 'click'; readonly x: number; readonly y: number; readonly button: MouseButton }
  | { readonly type: 'double_click' | 'right_click'; readonly x: number; readonly y: number }
  | {
      readonly type: 'mouse_down' | 'mouse_up';
      readonly x: number;
      readonly y: number;
      readonly button: MouseButton;
    }
  | { readonly type: 'drag'; readonly path: readonly Point[] }
  /** Without a point: in the middle of the page. */
  | { readonly type: 'scroll'; readonly dx: number; readonly dy: number; readonly at?: Point }
  | { readonly type: 'type'; readonly text: string }
  | { readonly type: 'keypress'; readonly keys: readonly string[] }
  | { readonly type: 'key_down' | 'key_up'; readonly key: string }
  | { readonly type: 'wait'; readonly ms: number }
  | {
      readonly type: 'screenshot';
      /** The picture itself in place of its address. */
      readonly base64: boolean;
      readonly format: 'png' | 'jpeg';
      readonly quality?: number;
      readonly fullPage: boolean;
    }
  | { readonly type: 'get_html_content' }
  | {
      readonly type: 'set_viewport';
      readonly width?: number;
      readonly height?: number;
      readonly scale?: number;
    }
  | { readonly type: 'list_tabs' }
  | { readonly type: 'new_tab'; readonly url: string | null }
  | { readonly type: 'switch_tab' | 'close_tab' }
  | { readonly type: 'change_proxy'; readonly proxyUrl: string }
  | { readonly type: 'debug'; readonly shell: ShellRequest };

/** A line of shell, as `debug` and `exec` take it. */
export interface ShellRequest {
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Of its output, bytes; what goes beyond is left out of the answer. */
  readonly maxOutput: number;
}

/** Whether an action changes nothing: it may be done while somebody else has control. */
export function isLook(type: ActionDetail['type']): boolean {
  switch (type) {
    case 'screenshot':
    case 'get_html_content':
    case 'list_tabs':
    case 'wait':
      return true;
    default:
      return false;
  }
}
