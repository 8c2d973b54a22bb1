/** What stands in place of what was taken out. */
export const REDACTED = '[redacted]';

// Every repetition is bounded, so that no text of a page takes longer than its length.
const AT = /@|%40/g;
const BEFORE_AT = /[\p{L}\p{N}._%+-]{1,64}$/u;
const BEHIND_AT = /^[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/u;
/** International, North American, and with a leading zero. */
const PHONE =
  /(?<![\w.])(?:\+\d[\d ().-]{6,20}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|0\d{2,4}[ /-]\d{3,8}(?:[ -]\d{1,5}){0,2})(?!\d)/g;
const SOCIAL_SECURITY = /(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)/g;
const IBAN = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g;
const CARD = /(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g;
const ADDRESS = /(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])/g;

/**
 * A text without what tells who somebody is: mail addresses, numbers of phones, cards, accounts and of social security,
 * addresses of machines. What looks like one and is none goes too; a name that stands in a sentence stays.
 */
export function redactPersonal(text: string): string {
  if (text.length < 7) return text;
  return withoutMail(text)
    .replace(IBAN, REDACTED)
    .replace(CARD, (digits) => (isCardNumber(digits) ? REDACTED : digits))
    .replace(SOCIAL_SECURITY, REDACTED)
    .replace(PHONE, REDACTED)
    .replace(ADDRESS, REDACTED);
}

// From each `@` to both sides: a search for what stands before one would look at every word of the text, 64 times.
function withoutMail(text: string): string {
  let out = '';
  let done = 0;
  for (const { 0: at, index } of text.matchAll(AT)) {
    if (index < done) continue;
    const [before] = BEFORE_AT.exec(text.slice(Math.max(done, index - 64), index)) ?? [];
    const [behind] = BEHIND_AT.exec(text.slice(index + at.length, index + at.length + 600)) ?? [];
    if (before === undefined || behind === undefined) continue;
    out += text.slice(done, index - before.length) + REDACTED;
    done = index + at.length + behind.length;
  }
  return done === 0 ? text : out + text.slice(done);
}

// The check digit of ISO/IEC 7812: other long numbers (times, ids) are left alone nine times out of ten.
function isCardNumber(text: string): boolean {
  let sum = 0;
  let double = false;
  for (let i = text.length - 1; i >= 0; i--) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) continue;
    const value = double ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
    double = !double;
  }
  return sum % 10 === 0;
}
