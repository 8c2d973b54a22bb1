import type { Command } from '../messages.ts';
import type { WriteRequest } from '../../video.ts';
import { createFilm, type Film } from './film-writer.ts';
import { library } from './library.ts';
import type { Link } from './link.ts';

/** What is said to it in turn: a picture, or that no more come. */
type Order = { readonly jpeg: Buffer; readonly time: number } | 'finish';

/**
 * Writes a video file of the pictures that come, and tells its pieces. It says when it has room for the next, and goes on
 * only while what it told is read: neither side fills the other. Never rejects.
 */
export async function runWriter(
  link: Link,
  request: { readonly format: WriteRequest['format']; readonly lastMs: number },
): Promise<void> {
  const orders: Order[] = [];
  let wake: (() => void) | undefined;
  link.heard(({ head, body }) => {
    const command = head as Command;
    if (command.type === 'show')
      orders.push({ jpeg: Buffer.from(body.buffer, body.byteOffset, body.length), time: command.time });
    else if (command.type === 'finish') orders.push('finish');
    wake?.();
  });
  try {
    const loaded = await library();
    const film: Film = createFilm(loaded, request, (piece) => link.tell({ type: 'piece' }, piece));
    for (;;) {
      const order = orders.shift();
      if (order === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (order === 'finish') break;
      await film.show(order.jpeg, order.time);
      await link.drained();
      link.tell({ type: 'room' });
    }
    const frames = await film.finish();
    link.tell({
      type: 'ended',
      end:
        frames > 0
          ? { kind: 'over' }
          : { kind: 'failed', reason: 'no-video', message: 'There is no picture in it.' },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : 'It failed.';
    link.tell({ type: 'ended', end: { kind: 'failed', reason: 'missing', message } });
  }
}
