import { PlayheadError } from '@playhead/protocol';
import type { Router } from '../../http/router.ts';
import { addRoute } from './both-prefixes.ts';

/** A plain `GET` of the socket's path: published clients have a call that sends it. Other methods are 405 then. */
export function mountSocketHint(router: Router): void {
  addRoute(router, {
    method: 'GET',
    path: '/:id/ws',
    access: { scope: 'computers:read' },
    handle() {
      throw new PlayheadError('upgrade-required', 'This path speaks WebSocket: send an upgrade request.');
    },
  });
}
