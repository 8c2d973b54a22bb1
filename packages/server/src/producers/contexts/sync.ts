import type { Feed } from './feed.ts';
import { takeIn } from './intake.ts';
import type { SourceEvent } from './source-event.ts';
import { type SyncMessage, syncMessage } from './sync-message.ts';

/** What became of one message of a sync. */
export interface SyncResult {
  /** The message's, if it has one. */
  readonly id: string | null;
  readonly success: boolean;
  /** `duplicate`: it was stored before. `ignored`: there was nothing to store. */
  readonly status?: 'stored' | 'duplicate' | 'ignored';
  readonly contextId?: string;
  readonly error?: { readonly code: 'invalid_message' | 'unauthorized'; readonly message: string };
}

/**
 * Stores messages of one user's devices, in their order and in one append. Each is judged by itself: one that is wrong
 * does not keep the others out. Rejects with what the log refuses with, and then nothing was stored.
 */
export async function sync(
  feed: Feed,
  messages: readonly unknown[],
  now: number,
): Promise<readonly SyncResult[]> {
  const read = messages.map((message) => readSync(message, feed.user));
  using levels = feed.levels.begin();
  const events: SourceEvent[] = [];
  const places = read.map((message) => {
    const event = 'error' in message ? undefined : takeIn(message, { pages: feed.pages, levels, now });
    return event === undefined ? -1 : events.push(event) - 1;
  });
  const stored = await feed.write(events);
  return read.map((message, index) => {
    if ('error' in message) return message;
    const outcome = stored[places[index] ?? -1];
    const { payload, id } = message;
    return {
      ...{ id, success: true },
      status: outcome === undefined ? 'ignored' : outcome.repeated ? 'duplicate' : 'stored',
      ...(payload?.type === 'context' ? { contextId: payload.context.id } : {}),
    };
  });
}

type Refused = SyncResult & { readonly error: NonNullable<SyncResult['error']> };

function readSync(value: unknown, user: string): SyncMessage | Refused {
  const parsed = syncMessage.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field =
      issue === undefined || issue.path.length === 0 ? 'message' : issue.path.map(String).join('.');
    return refused(idIn(value), 'invalid_message', `${field}: ${issue?.message ?? 'is malformed'}`);
  }
  const message = parsed.data;
  if (message.userId !== undefined && message.userId !== user)
    return refused(message.id, 'unauthorized', 'The message is of another user.');
  const owner = message.payload?.type === 'context' ? message.payload.context['userId'] : undefined;
  if (owner !== undefined && owner !== user)
    return refused(message.id, 'unauthorized', 'The context is of another user.');
  return message;
}

function refused(id: string | null, code: Refused['error']['code'], message: string): Refused {
  return { id, success: false, error: { code, message } };
}

function idIn(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' ? id.slice(0, 128) : null;
}
