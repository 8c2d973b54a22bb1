import { describe, expect, test } from 'vitest';
import type { ActionDetail } from './action.ts';
import { publicAction } from './public-action.ts';
import { readAction } from './read-action.ts';

const limits = {
  waitMs: 60_000,
  shell: { timeoutMs: 120_000, maxTimeoutMs: 3_600_000, outputBytes: 1_000_000 },
};
const read = (input: unknown) => readAction(input, 'req_1', limits);

/** What stands in a body, and what it asks for. */
const FORMS: readonly (readonly [Record<string, unknown>, ActionDetail])[] = [
  [
    { type: 'go_to_url', url: 'https://a.example' },
    { type: 'go_to_url', url: 'https://a.example' },
  ],
  [
    { type: 'navigate', url: 'https://a.example' },
    { type: 'go_to_url', url: 'https://a.example' },
  ],
  [
    { type: 'click', x: 1.5, y: 2 },
    { type: 'click', x: 1.5, y: 2, button: 'left' },
  ],
  [
    { type: 'click', x: 1, y: 2, button: 'right' },
    { type: 'click', x: 1, y: 2, button: 'right' },
  ],
  [
    { type: 'double_click', x: 1, y: 2 },
    { type: 'double_click', x: 1, y: 2 },
  ],
  [
    { type: 'double-click', x: 1, y: 2 },
    { type: 'double_click', x: 1, y: 2 },
  ],
  [
    { type: 'drag', x1: 1, y1: 2, x2: 3, y2: 4 },
    {
      type: 'drag',
      path: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
    },
  ],
  [
    {
      type: 'drag',
      path: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
    },
    {
      type: 'drag',
      path: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
    },
  ],
  [
    { type: 'scroll', dx: 0, dy: 100, x: 5, y: 6 },
    { type: 'scroll', dx: 0, dy: 100, at: { x: 5, y: 6 } },
  ],
  [
    { type: 'scroll', scroll_x: 1, scroll_y: 2 },
    { type: 'scroll', dx: 1, dy: 2 },
  ],
  [
    { type: 'keypress', keys: ['ctrl', 'a'] },
    { type: 'keypress', keys: ['ctrl', 'a'] },
  ],
  [
    { type: 'hotkey', key: 'Enter' },
    { type: 'keypress', keys: ['Enter'] },
  ],
  [
    { type: 'key_down', key: 'Shift' },
    { type: 'key_down', key: 'Shift' },
  ],
  [
    { type: 'wait', ms: 10 },
    { type: 'wait', ms: 10 },
  ],
  [{ type: 'screenshot' }, { type: 'screenshot', base64: false, format: 'png', fullPage: false }],
  [
    { type: 'set_viewport', width: 10, height: null },
    { type: 'set_viewport', width: 10 },
  ],
  [{ type: 'html', auto_detect_encoding: true }, { type: 'get_html_content' }],
  [{ type: 'new_tab' }, { type: 'new_tab', url: null }],
  [
    { type: 'change_proxy', proxy_url: 'http://a:b@p.example:1' },
    { type: 'change_proxy', proxyUrl: 'http://a:b@p.example:1' },
  ],
  [
    { type: 'debug', command: 'ls' },
    {
      type: 'debug',
      shell: { command: 'ls', cwd: '/workspace', env: {}, timeoutMs: 120_000, maxOutput: 65_536 },
    },
  ],
  [
    { type: 'debug', debug: { command: 'ls', cwd: 'a', timeout_seconds: 1, max_output_length: 5 } },
    { type: 'debug', shell: { command: 'ls', cwd: 'a', env: {}, timeoutMs: 1_000, maxOutput: 5 } },
  ],
];

describe('reading actions', () => {
  test.each(FORMS)('CO-27 %j', (input, expected) => {
    expect(read(input)).toEqual({ requestId: 'req_1', includeContext: false, ...expected });
  });

  test('CO-27 what all of them may have', () => {
    expect(
      read({ type: 'wait', ms: 0, tab_id: 'tab_1', include_context: true, request_id: 'mine' }),
    ).toMatchObject({
      requestId: 'mine',
      tabId: 'tab_1',
      includeContext: true,
    });
  });

  test.each([
    [undefined, 'type'],
    [[], 'body'],
    [{ type: 'dance' }, 'type'],
    [{ type: 'click', x: '1', y: 2 }, 'x'],
    [{ type: 'click', x: 1 }, 'y'],
    [{ type: 'click', x: 1, y: null }, 'y'],
    [{ type: 'drag', x1: 1 }, 'body'],
    [{ type: 'keypress' }, 'keys'],
    [{ type: 'keypress', keys: [] }, 'keys'],
    [{ type: 'wait', ms: 60_001 }, 'ms'],
    [{ type: 'set_viewport', width: 1.5 }, 'width'],
    [{ type: 'switch_tab' }, 'tab_id'],
    [{ type: 'debug', command: ' ' }, 'command'],
    [{ type: 'debug', command: 'x', env: { PLAYHEAD_KEY: '1' } }, 'env.PLAYHEAD_KEY'],
    [{ type: 'wait', ms: 1, request_id: 'a b' }, 'request_id'],
  ])('a wrong one is told by its field: %j', (input, field) => {
    expect(() => read(input)).toThrow(
      expect.objectContaining({ code: 'invalid-request', extensions: { field } }),
    );
  });

  test('what is told of an action holds nothing that was typed, and no credential', () => {
    const told = [
      { type: 'type', text: 'hunter2' },
      { type: 'keypress', keys: ['h'] },
      { type: 'key_down', key: 'h' },
      { type: 'change_proxy', proxy_url: 'http://user:hunter2@proxy.example:8080' },
      { type: 'debug', command: 'true', env: { SECRET: 'hunter2' } },
    ].map((input) => JSON.stringify(publicAction(read(input))));
    expect(told.join()).not.toContain('hunter2');
    expect(told[1]).not.toContain('h"');
    expect(told[3]).toContain('http://proxy.example:8080');
    expect(publicAction(read({ type: 'keypress', keys: ['ctrl', 'a'] }))).toMatchObject({
      keys: ['ctrl', 'a'],
    });
  });
});
