import { PlayheadError } from '@playhead/protocol';
import { allows, type Principal } from '../../access/principal.ts';
import type { Camera } from './camera.ts';
import type { LiveCameras } from './live-cameras.ts';

export interface FindParts {
  readonly live: LiveCameras;
  /** Whose public cameras can be watched without a credential. */
  readonly defaultTenant: string;
  /** Origins whose pages may do so, besides those of this machine. */
  readonly origins: ReadonlySet<string>;
}

/** Who wants to watch. `foreign`: a browser says that another site caused the request. */
export interface Watcher {
  readonly principal: Principal | undefined;
  readonly origin: string | undefined;
  readonly foreign?: boolean;
}

/**
 * The camera that somebody may watch. Without a credential only public ones, and only for pages of this machine or of a
 * listed origin (D-21); what is not public looks as if it did not exist. Throws `not-found` or `forbidden`.
 */
export function watchedCamera(
  { live, defaultTenant, origins }: FindParts,
  watcher: Watcher,
  id: string,
): Camera {
  const { principal, origin } = watcher;
  if (principal !== undefined) {
    if (!allows(principal, 'cameras:read'))
      throw new PlayheadError('forbidden', 'This needs the scope cameras:read.');
    return requireCamera(live, principal.tenant, id);
  }
  if (watcher.foreign === true || (origin !== undefined && !isLoopback(origin) && !origins.has(origin)))
    throw new PlayheadError('forbidden', 'Pages of that origin need a key to watch cameras.');
  const camera = live.get(defaultTenant, id);
  if (camera?.record.public !== true)
    throw new PlayheadError('not-found', 'There is no camera of that id that is open without a key.');
  return camera;
}

/** Throws `not-found`. */
export function requireCamera(live: LiveCameras, tenant: string, id: string): Camera {
  const camera = live.get(tenant, id);
  if (camera === undefined) throw new PlayheadError('not-found', 'There is no camera of that id.');
  return camera;
}

function isLoopback(origin: string): boolean {
  const host = URL.parse(origin)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
