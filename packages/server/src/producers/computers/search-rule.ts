import { formatPosition } from '@playhead/protocol';
import type { LogEvent } from '../../log/event-log.ts';
import type { SearchDocument, SearchRule } from '../../search/search.ts';

/** What computers say: the pages that were visited, what went wrong on them, what was downloaded, what was done. */
export const computerSearch: SearchRule = {
  prefix: 'computers/',
  // Frames, recordings and other parts of a computer are streams of their own, and say nothing.
  covers: (name) => name.split('/').length === 2,
  documents(_stream, batches) {
    return batches.flatMap(({ epoch, first, time, events }) =>
      events.flatMap((event, i) => {
        const document = documentOf(event);
        const position = formatPosition({ epoch, offset: first + i });
        return document === undefined ? [] : [{ ...document, position, time }];
      }),
    );
  },
};

function documentOf({
  type,
  data,
}: LogEvent): Pick<SearchDocument, 'kind' | 'title' | 'text' | 'facets'> | undefined {
  if (typeof data !== 'string') return undefined;
  const about = JSON.parse(data) as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const value = about[name];
    return typeof value === 'string' ? value : '';
  };
  switch (type) {
    case 'navigation':
    case 'page_loaded':
      return { kind: 'page', title: text('title'), text: text('url'), facets: { url: text('url') } };
    case 'navigation_failed':
      return { kind: 'problem', title: '', text: `${text('url')} ${text('reason')}`, facets: { type } };
    case 'page_error':
      return { kind: 'problem', title: '', text: text('text'), facets: { type } };
    case 'request_failed':
      return {
        kind: 'problem',
        title: '',
        text: `${text('method')} ${text('url')} ${text('reason')}`,
        facets: { type },
      };
    case 'error':
      return { kind: 'problem', title: '', text: text('error_message'), facets: { type } };
    case 'console':
      return { kind: 'console', title: '', text: text('text'), facets: { level: text('level') } };
    case 'download':
      return {
        kind: 'download',
        title: text('filename'),
        text: text('url'),
        facets: { state: text('state') },
      };
    default:
      return undefined;
  }
}
