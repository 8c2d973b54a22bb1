/** What somebody wants to know, as far as the assistant understands it. */
export interface Question {
  readonly intent: Intent;
  /** What it is about: a quoted text, or the words that are no part of the question's form. '' if there is none. */
  readonly about: string;
  /** Whether `about` was quoted: then it is meant as it stands. */
  readonly quoted: boolean;
  /** A second quoted text, e.g. the phrase in "what did `npm test` print around 'timeout'". */
  readonly phrase: string | undefined;
  /** Only what happened in the last so many ms. */
  readonly within: number | undefined;
}

export type Intent =
  /** What the assistant is. */
  | 'self'
  | 'running'
  | 'failures'
  /** The last run of something, or of anything: whether, when and how it ended. */
  | 'last-run'
  | 'duration'
  | 'count'
  | 'output'
  | 'pages'
  | 'looked-at'
  | 'downloads'
  | 'search';

// The first that fits counts: the special before the general.
const INTENTS: readonly (readonly [Intent, RegExp])[] = [
  [
    'self',
    /\b(?:who|what) are you\b|\bwhat can you (?:do|answer)\b|^\s*help\s*\??$|\bare you (?:an? )?(?:ai|llm|model|human)\b/,
  ],
  [
    'output',
    /\b(?:print|prints|printed|output|outputs|wrote|write|logged|said|say|show(?:ed)?)\b.*\b(?:around|near|about|before|after|when|where|with)\b/,
  ],
  [
    'running',
    /\b(?:running|runs?|going on|in progress|active)\b.*\b(?:now|right now|currently|at the moment|still)\b|\b(?:now|currently|still)\b.*\b(?:running|going on|active|in progress)\b|^what(?:'s| is) running/,
  ],
  [
    'pages',
    /\b(?:pages?|sites?|websites?|urls?|web)\b.*\b(?:visit|visited|open|opened|seen|browsed|loaded|navigated|went|go)\b|\b(?:visited|browsed|navigated)\b/,
  ],
  [
    'looked-at',
    /\b(?:look(?:ed|ing)?\s+at|reading|read|viewing|viewed|attention|selected|focus(?:ed|ing)? on)\b/,
  ],
  ['downloads', /\bdownload(?:s|ed)?\b/],
  ['duration', /\bhow (?:long|much time|fast|slow)\b|\bduration\b/],
  ['count', /\bhow (?:many times|often)\b/],
  ['failures', /\b(?:fail|fails|failed|failing|failures?|broke|broken|errors?|wrong|crash(?:ed|es)?|red)\b/],
  ['output', /\b(?:print|prints|printed|output|outputs|wrote|logged)\b/],
  [
    'last-run',
    /\b(?:last|latest|recent(?:ly)?|newest|most recent)\b|\bdid\b.*\b(?:run|pass|succeed|finish|end|work|complete)\b|\b(?:end(?:ed)?|exit(?:ed)?|result|outcome|status|succeed(?:ed)?|pass(?:ed)?)\b|\bran\b|\bwhen (?:did|was)\b/,
  ],
];

const QUOTED = /`([^`]+)`|"([^"]+)"|“([^”]+)”|(?<![\p{L}\p{N}])'([^']+)'(?![\p{L}\p{N}])|‘([^’]+)’/gu;

// Words of the question's form, which say nothing of what it is about.
const FORM = new Set(
  (
    'a about again all also an and any anything are around as at be been before by can command commands could did do ' +
    'does end ended ending error errors everything exit exited fail failed failing failure failures find first for ' +
    'from get give go going happened has have how i in is it its job just last latest line long look looked looking ' +
    'many me mention mentioned most my near never newest now of on or our out output outputs page pages pass passed ' +
    'please print printed prints process processes project ran recent recently result right run running runs s said ' +
    'say search see show since site sites so status still stream streams succeed succeeded take tell test that the ' +
    "their then there these they thing things this time times to today took user user's visited was we website " +
    "were what what's when where which while who why with work worked written wrong wrote you yesterday your hour " +
    'minute minutes hours day days week currently moment active crash crashed broke broken browsed opened open ' +
    'download downloads downloaded read reading viewed much fast slow often after we us our they them he she visit visits ' +
    'browse browser anybody somebody someone anyone'
  ).split(' '),
);

const MINUTE = 60_000;
const SPANS: readonly (readonly [RegExp, number])[] = [
  [/\b(?:last|past) minute\b/, MINUTE],
  [/\b(?:last|past) (\d{1,4}) minutes\b/, MINUTE],
  [/\b(?:last|past) hour\b/, 60 * MINUTE],
  [/\b(?:last|past) (\d{1,3}) hours\b/, 60 * MINUTE],
  [/\btoday\b/, 24 * 60 * MINUTE],
  [/\byesterday\b/, 48 * 60 * MINUTE],
  [/\b(?:last|past|this) week\b/, 7 * 24 * 60 * MINUTE],
];

export function understand(text: string): Question {
  const quotes = [...text.matchAll(QUOTED)].map(
    (found) => found.slice(1).find((one) => one !== undefined) ?? '',
  );
  const plain = text.replaceAll(QUOTED, ' ').toLowerCase();
  const intent = INTENTS.find(([, pattern]) => pattern.test(plain))?.[0] ?? 'search';
  const within = spanOf(plain);
  const [first, second] = quotes;
  if (first !== undefined) return { intent, about: first, quoted: true, phrase: second, within };
  const words = plain.match(/[\p{L}\p{N}][\p{L}\p{N}._/:@'-]*/gu) ?? [];
  const about = words.map((word) => word.replace(/[.:']+$/, '')).filter((word) => !FORM.has(word));
  return { intent, about: about.join(' '), quoted: false, phrase: undefined, within };
}

function spanOf(text: string): number | undefined {
  for (const [pattern, unit] of SPANS) {
    const found = pattern.exec(text);
    if (found !== null) return unit * (found[1] === undefined ? 1 : Number(found[1]));
  }
  return undefined;
}
