import type { Route, Router } from '../../http/router.ts';

/** The document's prefix, and that of the published clients. */
export const PREFIXES = ['/v1/computers', '/computers'] as const;

/** Adds a route under both prefixes. `path` is what follows them. */
export function addRoute(router: Router, route: Route): void {
  for (const prefix of PREFIXES) router.add({ ...route, path: prefix + route.path });
}
