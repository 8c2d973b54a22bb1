/** A key as Chromium wants it told: what the DOM calls it, where it lies, its Windows code, and what it types. */
export interface Key {
  readonly key: string;
  readonly code: string;
  readonly keyCode: number;
  /** Empty: it types nothing. */
  readonly text: string;
  /** 1: the left one of two, 2: the right one, 3: of the number pad. */
  readonly location?: number;
}

/** Bits of Chromium's modifiers. */
export const MODIFIER = { Alt: 1, Control: 2, Meta: 4, Shift: 8 } as const;

const NAMED: readonly Key[] = [
  named('Shift', 'ShiftLeft', 16, 1),
  named('Control', 'ControlLeft', 17, 1),
  named('Alt', 'AltLeft', 18, 1),
  named('Meta', 'MetaLeft', 91, 1),
  named('CapsLock', 'CapsLock', 20),
  named('NumLock', 'NumLock', 144),
  named('ScrollLock', 'ScrollLock', 145),
  named('Escape', 'Escape', 27),
  named('Tab', 'Tab', 9),
  named('Backspace', 'Backspace', 8),
  named('Delete', 'Delete', 46),
  named('Insert', 'Insert', 45),
  named('Pause', 'Pause', 19),
  named('PrintScreen', 'PrintScreen', 44),
  named('ContextMenu', 'ContextMenu', 93),
  named('ArrowLeft', 'ArrowLeft', 37),
  named('ArrowUp', 'ArrowUp', 38),
  named('ArrowRight', 'ArrowRight', 39),
  named('ArrowDown', 'ArrowDown', 40),
  named('Home', 'Home', 36),
  named('End', 'End', 35),
  named('PageUp', 'PageUp', 33),
  named('PageDown', 'PageDown', 34),
  { key: 'Enter', code: 'Enter', keyCode: 13, text: '\r' },
  { key: ' ', code: 'Space', keyCode: 32, text: ' ' },
  ...Array.from({ length: 24 }, (_, i) => named(`F${i + 1}`, `F${i + 1}`, 112 + i)),
];

/** What lies on a key of the American keyboard: without shift, with it, where, its code. */
const SYMBOLS: readonly (readonly [string, string, string, number])[] = [
  ['`', '~', 'Backquote', 192],
  ['-', '_', 'Minus', 189],
  ['=', '+', 'Equal', 187],
  ['[', '{', 'BracketLeft', 219],
  [']', '}', 'BracketRight', 221],
  ['\\', '|', 'Backslash', 220],
  [';', ':', 'Semicolon', 186],
  ["'", '"', 'Quote', 222],
  [',', '<', 'Comma', 188],
  ['.', '>', 'Period', 190],
  ['/', '?', 'Slash', 191],
  ...Array.from(')!@#$%^&*(', (shifted, i) => [String(i), shifted, `Digit${i}`, 48 + i] as const),
  ...Array.from(
    'abcdefghijklmnopqrstuvwxyz',
    (letter, i) => [letter, letter.toUpperCase(), `Key${letter.toUpperCase()}`, 65 + i] as const,
  ),
];

/** Other words for keys, in lower case. */
const ALIASES: Readonly<Record<string, string>> = {
  ctrl: 'control',
  cmd: 'meta',
  command: 'meta',
  super: 'meta',
  win: 'meta',
  windows: 'meta',
  option: 'alt',
  opt: 'alt',
  esc: 'escape',
  return: 'enter',
  del: 'delete',
  ins: 'insert',
  space: ' ',
  spacebar: ' ',
  left: 'arrowleft',
  up: 'arrowup',
  right: 'arrowright',
  down: 'arrowdown',
  pgup: 'pageup',
  pgdn: 'pagedown',
  pgdown: 'pagedown',
  prtsc: 'printscreen',
  menu: 'contextmenu',
  plus: '+',
  minus: '-',
  comma: ',',
  period: '.',
};

const characters = new Map<string, Key>();
const names = new Map<string, Key>();
const codes = new Map<string, { readonly plain: Key; readonly shifted: Key }>();

for (const [plain, shifted, code, keyCode] of SYMBOLS) {
  const keys = { plain: typing(plain, code, keyCode), shifted: typing(shifted, code, keyCode) };
  characters.set(plain, keys.plain).set(shifted, keys.shifted);
  codes.set(code, keys);
}
for (const key of NAMED) {
  names.set(key.key.toLowerCase(), key);
  if (key.text !== '') characters.set(key.text, key);
  codes.set(key.code, { plain: key, shifted: key });
}
characters.set('\n', keyNamed('enter')).set('\t', keyNamed('tab'));

/** The key that types this character; undefined if the keyboard has none. */
export function keyOfCharacter(character: string): Key | undefined {
  return characters.get(character);
}

/**
 * The key that somebody means: a character, or a name in any case, with or without `_`, `-` or a space in it. A
 * character that the keyboard does not have is a key that types it all the same.
 */
export function findKey(text: string): Key | undefined {
  const known = characters.get(text);
  if (known !== undefined) return known;
  const name = text.toLowerCase().replaceAll(/[\s_-]/g, '');
  const named = names.get(ALIASES[name] ?? name) ?? characters.get(ALIASES[name] ?? '');
  if (named !== undefined) return named;
  return isOneCharacter(text) ? typing(text, '', 0) : undefined;
}

/** As a keyboard tells it (`KeyboardEvent`): the code says which key, `key` what it means now. */
export function keyOfEvent(key: string, code: string): Key | undefined {
  const place = codes.get(code);
  if (place === undefined) return findKey(key);
  if (isOneCharacter(key)) return { ...place.plain, key, text: key === '\n' ? '\r' : key };
  return key === '' ? place.plain : (names.get(key.toLowerCase()) ?? place.plain);
}

/** The bit of a key that is a modifier, else 0. */
export function modifierOf({ key }: Key): number {
  switch (key) {
    case 'Alt':
    case 'Control':
    case 'Meta':
    case 'Shift':
      return MODIFIER[key];
    default:
      return 0;
  }
}

/** What a key types while Shift is held. */
export function shifted(key: Key): Key {
  return codes.get(key.code)?.shifted ?? key;
}

function isOneCharacter(text: string): boolean {
  return text !== '' && Array.from(text).length === 1;
}

function typing(text: string, code: string, keyCode: number): Key {
  return { key: text, code, keyCode, text };
}

function named(key: string, code: string, keyCode: number, location?: number): Key {
  return { key, code, keyCode, text: '', ...(location === undefined ? {} : { location }) };
}

function keyNamed(name: string): Key {
  return names.get(name) ?? named(name, '', 0);
}
