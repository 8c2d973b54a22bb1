import type { CdpParams } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { type Key, keyOfCharacter, MODIFIER, modifierOf, shifted } from './key-layout.ts';

/** The keyboard of a tab, with the keys that are held down. */
export interface Keyboard {
  /** Bits of the modifiers that are held. */
  readonly modifiers: number;
  /** Rejects with `CdpFailure`, as all here. Resolves when the page has taken it. */
  down(key: Key, repeat?: boolean): Promise<void>;
  up(key: Key): Promise<void>;
  /** All down in order, up in reverse. */
  press(keys: readonly Key[]): Promise<void>;
  /** Keys where the keyboard has them, else put in. `over` is asked now and then. */
  type(text: string, over: () => boolean): Promise<void>;
  /** Puts text in as it is. */
  insert(text: string): Promise<void>;
}

/** Of a longer text the rest is put in: every key is three messages. */
const TYPED_MAX = 1_000;
/** So many are sent before it is waited for the page to take them. */
const AHEAD = 32;
const INSERTED_MAX = 64 * 1024;

export function createKeyboard(session: CdpSession): Keyboard {
  const held = new Set<string>();
  let modifiers = 0;

  async function send(params: CdpParams<'Input.dispatchKeyEvent'>): Promise<void> {
    await session.send('Input.dispatchKeyEvent', params);
  }

  function down(key: Key, repeat = held.has(key.code)): Promise<void> {
    modifiers |= modifierOf(key);
    if (key.code !== '') held.add(key.code);
    const typed = (modifiers & MODIFIER.Shift) === 0 ? key : shifted(key);
    // With Control, Alt or Meta a key is a command: it types nothing.
    const text = (modifiers & ~MODIFIER.Shift) === 0 ? typed.text : '';
    return send({
      type: text === '' ? 'rawKeyDown' : 'keyDown',
      ...described(typed),
      ...(text === '' ? {} : { text, unmodifiedText: text }),
      autoRepeat: repeat,
      modifiers,
    });
  }

  function up(key: Key): Promise<void> {
    modifiers &= ~modifierOf(key);
    held.delete(key.code);
    return send({ type: 'keyUp', ...described(key), modifiers });
  }

  async function press(keys: readonly Key[]): Promise<void> {
    await Promise.all([...keys.map((key) => down(key)), ...keys.toReversed().map(up)]);
  }

  async function insert(text: string): Promise<void> {
    for (let at = 0; at < text.length; ) {
      let end = Math.min(text.length, at + INSERTED_MAX);
      if (end < text.length && !text.slice(at, end).isWellFormed()) end--;
      await session.send('Input.insertText', { text: text.slice(at, end) });
      at = end;
    }
  }

  async function type(text: string, over: () => boolean): Promise<void> {
    const typed = text.slice(0, TYPED_MAX).isWellFormed() ? TYPED_MAX : TYPED_MAX - 1;
    const characters = Array.from(text.slice(0, typed).replaceAll('\r\n', '\n'));
    let ahead: Promise<void>[] = [];
    for (const character of characters) {
      const key = keyOfCharacter(character);
      ahead.push(key === undefined ? insert(character) : press([key]));
      if (ahead.length < AHEAD) continue;
      await Promise.all(ahead);
      ahead = [];
      if (over()) return;
    }
    await Promise.all(ahead);
    await insert(text.slice(typed));
  }

  return {
    get modifiers() {
      return modifiers;
    },
    down,
    up,
    press,
    type,
    insert,
  };
}

function described({ key, code, keyCode, location }: Key): Omit<CdpParams<'Input.dispatchKeyEvent'>, 'type'> {
  return {
    key,
    code,
    windowsVirtualKeyCode: keyCode,
    nativeVirtualKeyCode: keyCode,
    ...(location === undefined ? {} : { location }),
  };
}
