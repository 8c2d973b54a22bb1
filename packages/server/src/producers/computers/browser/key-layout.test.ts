import { expect, test } from 'vitest';
import { findKey, keyOfCharacter, keyOfEvent, modifierOf, shifted } from './key-layout.ts';

test.each([
  ['shift', 'Shift'],
  ['CTRL', 'Control'],
  ['Alt', 'Alt'],
  ['meta', 'Meta'],
  ['enter', 'Enter'],
  ['Return', 'Enter'],
  ['Escape', 'Escape'],
  ['tab', 'Tab'],
  ['backspace', 'Backspace'],
  ['delete', 'Delete'],
  ['space', ' '],
  ['ArrowDown', 'ArrowDown'],
  ['arrow_left', 'ArrowLeft'],
  ['up', 'ArrowUp'],
  ['home', 'Home'],
  ['end', 'End'],
  ['PageUp', 'PageUp'],
  ['page_down', 'PageDown'],
  ['f1', 'F1'],
  ['F24', 'F24'],
  ['plus', '+'],
  ['-', '-'],
  ['_', '_'],
  ['a', 'a'],
  ['A', 'A'],
  ['é', 'é'],
  ['🙂', '🙂'],
])('the key %s is %s', (text, key) => expect(findKey(text)?.key).toBe(key));

test.each(['', 'ab', 'no-such-key', 'f25', 'ctrl+a'])('there is no key %j', (text) =>
  expect(findKey(text)).toBeUndefined(),
);

test('every printable character of ASCII has a key that types it', () => {
  for (let code = 32; code < 127; code++) {
    const character = String.fromCharCode(code);
    const key = keyOfCharacter(character);
    expect(key?.text).toBe(character);
    expect(key?.code).not.toBe('');
    expect(key?.keyCode).toBeGreaterThan(0);
  }
  expect(keyOfCharacter('\n')?.key).toBe('Enter');
  expect(keyOfCharacter('ß')).toBeUndefined();
});

test('Shift and the other modifiers are known, and what a key types with Shift', () => {
  expect(
    ['alt', 'ctrl', 'meta', 'shift'].map((name) =>
      modifierOf(findKey(name) ?? { key: '', code: '', keyCode: 0, text: '' }),
    ),
  ).toEqual([1, 2, 4, 8]);
  expect(shifted(keyOfCharacter('1') ?? { key: '', code: '', keyCode: 0, text: '' }).text).toBe('!');
  expect(shifted(keyOfCharacter('a') ?? { key: '', code: '', keyCode: 0, text: '' }).text).toBe('A');
});

test('what a keyboard tells is a key, of another layout too', () => {
  expect(keyOfEvent('z', 'KeyY')).toMatchObject({ key: 'z', code: 'KeyY', text: 'z' });
  expect(keyOfEvent('Enter', 'Enter')).toMatchObject({ text: '\r' });
  expect(keyOfEvent('Shift', 'ShiftRight')).toMatchObject({ key: 'Shift' });
  expect(keyOfEvent('ö', 'Semicolon')).toMatchObject({ text: 'ö', keyCode: 186 });
  expect(keyOfEvent('Dead', 'NoSuchCode')).toBeUndefined();
});
