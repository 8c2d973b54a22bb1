import type { TabId } from '../browser.ts';
import type { BrowserEvent, SourcePlace } from '../browser-event.ts';
import type { CdpPayload } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { BOUNDS, clip } from './clip.ts';

export interface PageMessagesParts {
  readonly session: CdpSession;
  readonly tab: TabId;
  readonly admit: (type: 'console' | 'page-error') => boolean;
  readonly tell: (event: BrowserEvent) => void;
}

type Argument = CdpPayload<'Runtime.consoleAPICalled'>['args'][number];
type Frames = CdpPayload<'Runtime.consoleAPICalled'>['stackTrace'];

/** Tells what a page, a frame of it or a worker writes to the console, and the errors that it does not catch. */
export function tellMessages({ session, tab, admit, tell }: PageMessagesParts): void {
  session.on(
    'Runtime.consoleAPICalled',
    ({ type, args, stackTrace }) => {
      const text = clip(args.map(shown).join(' '), BOUNDS.text);
      tell({ type: 'console', tab, level: type, text, at: placeOf(stackTrace) });
    },
    () => admit('console'),
  );
  session.on(
    'Runtime.exceptionThrown',
    ({ exceptionDetails: { text, exception, stackTrace, url, lineNumber, columnNumber } }) => {
      const said = exception?.description ?? (exception === undefined ? text : `${text} ${shown(exception)}`);
      const at = url === undefined || url === '' ? placeOf(stackTrace) : place(url, lineNumber, columnNumber);
      tell({ type: 'page-error', tab, text: clip(said, BOUNDS.text), at });
    },
    () => admit('page-error'),
  );
}

function shown({ type, subtype, value, unserializableValue, description, preview }: Argument): string {
  if (typeof value === 'string') return value;
  if (subtype === 'null') return 'null';
  if (type === 'undefined') return 'undefined';
  if (unserializableValue !== undefined) return unserializableValue;
  if (type === 'object' && preview !== undefined && subtype !== 'error') {
    const properties = preview.properties.map((property) =>
      preview.subtype === 'array' ? (property.value ?? '') : `${property.name}: ${property.value ?? ''}`,
    );
    const inside = [...properties, ...(preview.overflow ? ['…'] : [])].join(', ');
    return preview.subtype === 'array' ? `[${inside}]` : `{${inside}}`;
  }
  return description ?? (value === undefined ? type : JSON.stringify(value));
}

function placeOf(stack: Frames): SourcePlace | null {
  const frame = stack?.callFrames[0];
  return frame === undefined ? null : place(frame.url, frame.lineNumber, frame.columnNumber);
}

function place(url: string, line: number, column: number): SourcePlace {
  return { url: clip(url, BOUNDS.url), line: line + 1, column: column + 1 };
}
