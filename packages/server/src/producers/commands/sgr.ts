import type { Attributes } from './emulator-state.ts';

/** The sequence that makes what follows look so, whatever came before (ECMA-48, 8.3.117). */
export function sgr(look: Attributes): string {
  const codes = ['0'];
  if (look.isBold() !== 0) codes.push('1');
  if (look.isDim() !== 0) codes.push('2');
  if (look.isItalic() !== 0) codes.push('3');
  if (look.isUnderline() !== 0) codes.push(...underline(look));
  if (look.isBlink() !== 0) codes.push('5');
  if (look.isInverse() !== 0) codes.push('7');
  if (look.isInvisible() !== 0) codes.push('8');
  if (look.isStrikethrough() !== 0) codes.push('9');
  if (look.isOverline() !== 0) codes.push('53');
  const fg = look.isFgDefault()
    ? undefined
    : color(look.isFgRGB(), look.getFgColorMode(), look.getFgColor(), 30);
  const bg = look.isBgDefault()
    ? undefined
    : color(look.isBgRGB(), look.getBgColorMode(), look.getBgColor(), 40);
  if (fg !== undefined) codes.push(fg);
  if (bg !== undefined) codes.push(bg);
  return `\x1b[${codes.join(';')}m`;
}

/** How nothing in particular looks. */
export const PLAIN = '\x1b[0m';

// The sixteen colours that every terminal has are kept apart from the same of the palette: bold may brighten them.
const SIXTEEN = 0x1000000;

function color(rgb: boolean, mode: number, value: number, base: 30 | 40): string {
  if (rgb) return `${base + 8};2;${(value >> 16) & 255};${(value >> 8) & 255};${value & 255}`;
  if (mode !== SIXTEEN) return `${base + 8};5;${value}`;
  return String(value < 8 ? base + value : base + 60 + value - 8);
}

function underline(look: Attributes): string[] {
  const codes = [`4:${look.getUnderlineStyle()}`];
  if (look.isUnderlineColorDefault()) return codes;
  const value = look.getUnderlineColor();
  codes.push(
    look.isUnderlineColorRGB()
      ? `58:2::${(value >> 16) & 255}:${(value >> 8) & 255}:${value & 255}`
      : `58:5:${value & 255}`,
  );
  return codes;
}
