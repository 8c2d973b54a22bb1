import { PlayheadError } from '@playhead/protocol';
import type { Route, Router } from '../../http/router.ts';
import { addRoute } from './both-prefixes.ts';

/** What the documented system has and this server has not: 501, which clients do not try again (D-26). */
export function mountNotServed(router: Router): void {
  const refuse = (what: string): Route['handle'] => {
    return () => {
      throw new PlayheadError('not-served', `This server does not serve ${what}.`);
    };
  };
  addRoute(router, {
    method: 'GET',
    path: '/:id/cdp',
    access: { scope: 'computers:cdp' },
    handle: refuse('the debugging protocol of browsers'),
  });
  for (const prefix of ['', '/v1']) {
    for (const method of ['GET', 'POST'] as const) {
      for (const path of ['/agent/tasks', '/agent/tasks/*'])
        router.add({ method, path: prefix + path, access: 'authenticated', handle: refuse('agent tasks') });
    }
  }
}
