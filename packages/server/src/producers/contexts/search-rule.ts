import { formatPosition } from '@playhead/protocol';
import { idOfSegment } from '../../log/name-segment.ts';
import { nameOf } from '../../log/stream-key.ts';
import type { SearchDocument, SearchRule } from '../../search/search.ts';
import { KIND } from './channel-name.ts';
import { describeContext, partsOf } from './context-parts.ts';
import { type JsonObject, textsIn } from './json-value.ts';
import { plainText } from './sanitise-html.ts';
import { type Origin, readSourceEvent, type SourceEvent } from './source-event.ts';

/** Text of one context that is indexed, characters. */
const MAX_TEXT = 64 * 1024;

const SOURCE = new RegExp(`^${KIND}/([^/]+)/source$`);

/**
 * What users looked at: the contexts that were told of, and where their tabs went. Each document is its user's own. The
 * channels are made of the same events, so they say nothing more.
 */
export const contextSearch: SearchRule = {
  prefix: `${KIND}/`,
  // The channels say it again.
  covers: (name) => SOURCE.test(name),
  // A user's history goes on for years, and its newest end is what is asked for.
  streamBytes: Number.POSITIVE_INFINITY,
  documents(stream, batches) {
    const [, segment] = SOURCE.exec(nameOf(stream)) ?? [];
    if (segment === undefined) return [];
    // Of a name that is a hash the user is not known: such documents are found by their stream.
    const user = idOfSegment(segment) ?? segment;
    return batches.flatMap(({ epoch, first, events }) =>
      events.flatMap((event, index) => {
        const said = readSourceEvent(event);
        const document = said === undefined ? undefined : documentOf(said);
        if (document === undefined || said === undefined) return [];
        const position = formatPosition({ epoch, offset: first + index });
        return [{ ...document, user, position, time: said.at }];
      }),
    );
  },
};

type Words = Pick<SearchDocument, 'kind' | 'title' | 'text' | 'facets'>;

function documentOf(event: SourceEvent): Words | undefined {
  switch (event.kind) {
    case 'context': {
      const { id, type, level, tabId, url = '', title = '' } = describeContext(event.context);
      return {
        kind: 'context',
        title,
        text: `${url}\n${textOf(event.context)}`.slice(0, MAX_TEXT),
        facets: {
          ...{ context: id, type, operation: event.operation, url, level },
          ...originFacets(event.from, tabId),
        },
      };
    }
    case 'tab': {
      if (event.change !== 'navigated') return undefined;
      const { url = '', title = '', tabId } = event.tab;
      const facets = { type: 'navigation', operation: 'navigate', url, level: event.level };
      return { kind: 'page', title, text: url, facets: { ...facets, ...originFacets(event.from, tabId) } };
    }
    case 'broadcast':
      return undefined;
  }
}

function originFacets(
  { device, extensionId }: Origin,
  tabId: string | number | undefined,
): Record<string, string> {
  const id = device?.id ?? extensionId;
  return {
    ...(id === undefined ? {} : { device: id }),
    ...(device?.name === undefined ? {} : { deviceName: device.name }),
    ...(tabId === undefined ? {} : { tab: String(tabId) }),
  };
}

/** All texts of a context's content, as words: of HTML what can be read. */
function textOf(context: JsonObject): string {
  let text = '';
  for (const part of partsOf(context)) {
    for (const each of textsIn(context[part])) {
      text += `${/<[a-z!/]/i.test(each) ? plainText(each.slice(0, 4 * MAX_TEXT)) : each}\n`;
      if (text.length > MAX_TEXT) return text;
    }
  }
  return text;
}
