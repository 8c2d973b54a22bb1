import type { Endpoints } from './computer-view.ts';

/** Where a computer's interfaces are. `base`: where callers reach the server, without a slash at its end. */
export function endpointsAt(base: () => string): Endpoints {
  return (id) => {
    const at = `${base()}/v1/computers/${id}`;
    return {
      self: at,
      events: `${at}/events`,
      screencast: `${at}/screencast`,
      recording: `${at}/recording`,
      keepalive: `${at}/keepalive`,
      ws: `${at.replace(/^http/, 'ws')}/ws`,
    };
  };
}
