import { kindOf } from '@playhead/protocol';
import { maySeeStream, type Principal } from '../access/principal.ts';
import type { EventLog, Listed, ListQuery } from '../log/event-log.ts';
import { nameSegment } from '../log/name-segment.ts';
import { nameOf } from '../log/stream-key.ts';

/** Behind every name of that kind, and before every other name: no name holds this character. */
const BEHIND = '\x7f';

/**
 * The streams of a caller's tenant that it may see, as `log.list` gives them. What it may not see is stepped over, not
 * read: thousands of users' streams may stand between two that are shown.
 */
export async function listVisible(
  log: EventLog,
  principal: Principal,
  query: ListQuery,
): Promise<readonly Listed[]> {
  const visible: Listed[] = [];
  let { after } = query;
  for (;;) {
    const limit = query.limit - visible.length;
    const page = await log.list({ ...query, limit, ...(after === undefined ? {} : { after }) });
    const hidden = page.findIndex(({ key }) => !maySeeStream(principal, nameOf(key)));
    visible.push(...(hidden === -1 ? page : page.slice(0, hidden)));
    const first = page[hidden];
    if (first === undefined) return visible;
    after = endOfHidden(principal, nameOf(first.key));
  }
}

/** Where the names that a caller may not see end that begin with this one. */
function endOfHidden({ userId }: Principal, name: string): string {
  const kind = kindOf(name);
  if (userId !== null && userId.isWellFormed()) {
    const own = `${kind}/${nameSegment(userId)}/`;
    if (name < own) return own;
  }
  return `${kind}/${BEHIND}`;
}
