import { formatPosition } from '@playhead/protocol';
import type { SearchDocument, SearchRule } from '../../search/search.ts';
import { readMessage } from './events.ts';

/** What chats say: their messages. The pieces of answers are in them. */
export const chatSearch: SearchRule = {
  prefix: 'chats/',
  covers: (name) => name.split('/').length === 2,
  documents(_, batches) {
    return batches.flatMap(({ epoch, first, time, events }) =>
      events.flatMap((event, i): readonly SearchDocument[] => {
        const message = readMessage(event);
        if (message === undefined) return [];
        const { role, content, user } = message;
        const position = formatPosition({ epoch, offset: first + i });
        const about = { kind: 'message', position, time, title: '', text: content, facets: { role } };
        return [user === undefined ? about : { ...about, user }];
      }),
    );
  },
};
