import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Subscription } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { SocketFace, SocketLine, SocketListener } from '../../transports/socket-face.ts';
import { checkInput } from '../check-input.ts';
import { binaryFrames } from '../picture-faces.ts';
import type { Camera } from './camera.ts';
import { type FindParts, watchedCamera } from './find-camera.ts';

/** Frames as binary messages, as they are in the stream. */
export const FRAMES_PROTOCOL = 'playhead.frames.v1';

/** Frames a second that a viewer may ask for. */
export const fpsSchema: z.ZodType<number> = z.coerce.number().min(0.01).max(1000);

const query = z.object({ fps: fpsSchema.exactOptional() });

/**
 * `/ws/stream/{cameraId}`: frames and nothing else, each with what was found in it (CC-14, CC-15). What the client says is
 * not listened to. A slow viewer gets the newest frame when it takes one again (CC-21).
 */
export function viewerSocket(parts: FindParts): SocketFace {
  return {
    paths: ['/ws/stream/:camera'],
    access: 'optional',
    tokenInQuery: true,
    protocols: [FRAMES_PROTOCOL],
    admit({ params, query: asked, principal, origin, protocol }) {
      const camera = watchedCamera(parts, { principal, origin }, params['camera'] ?? '');
      const { fps } = checkInput(query, Object.fromEntries(asked));
      return (line) => watch(line, camera, protocol === FRAMES_PROTOCOL, fps);
    },
  };
}

function watch(line: SocketLine, camera: Camera, binary: boolean, fps: number | undefined): SocketListener {
  let watched: StreamKey | undefined;
  let subscription: Subscription | undefined;
  /** By those that ended. */
  let before = 0;
  const seat = camera.viewers.add(`vwr_${randomUUID()}`, () => before + (subscription?.dropped ?? 0));
  const changing = camera.onShown(() => void begin());
  const gone = (): void => line.close('not-found', 'the camera was deleted');
  const draining = (): void => line.close('draining', 'the server is going away');

  // The newest wish counts: what is attached for an older one is let go.
  async function begin(): Promise<void> {
    const { key, newest } = camera.shown;
    if (key === watched) return;
    // Who has seen frames already does not see one of these again.
    const from = watched === undefined ? undefined : newest;
    watched = key;
    try {
      const attached = await line.watch({
        key,
        from: from ?? 'live',
        delivery: 'latest',
        intervalMs: fps === undefined ? 0 : 1000 / fps,
        rendering: binary ? binaryFrames : camera.rendering,
        sent: () => seat.sent(),
        end: (reason) => (reason === 'draining' ? draining() : gone()),
      });
      if (attached.kind === 'draining') draining();
      else if (attached.kind !== 'attached') gone();
      else if (watched !== key) attached.subscription[Symbol.dispose]();
      else {
        before += subscription?.dropped ?? 0;
        subscription?.[Symbol.dispose]();
        ({ subscription } = attached);
      }
    } catch {
      line.close('internal', 'the camera could not be watched');
    }
  }

  void begin();
  return {
    text() {},
    bytes() {},
    closed() {
      changing[Symbol.dispose]();
      seat[Symbol.dispose]();
    },
  };
}
