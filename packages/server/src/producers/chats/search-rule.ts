import { formatPosition } from '@playhead/protocol';
import { nameOf } from '../../log/stream-key.ts';
import type { SearchDocument, SearchRule } from '../../search/search.ts';
import { readMessage } from './events.ts';

/** What chats say: their messages. The pieces of answers are in them. */
export const chatSearch: SearchRule = {
  prefix: 'chats/',
  documents(stream, batches) {
    if (nameOf(stream).split('/').length > 2) return [];
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
