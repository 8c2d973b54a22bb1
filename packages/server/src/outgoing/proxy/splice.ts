import type { Socket } from 'node:net';

/** Joins two connections: what comes out of one goes into the other, until both are over. */
export function splice(a: Socket, b: Socket): void {
  join(a, b);
  join(b, a);
  a.pipe(b);
  b.pipe(a);
}

function join(from: Socket, to: Socket): void {
  // `close` follows, and tells the other side.
  from.on('error', () => {});
  from.on('close', () => {
    // What had arrived in full still goes out; what broke off must not look whole.
    if (from.readableEnded) to.destroySoon();
    else to.destroy();
  });
}
