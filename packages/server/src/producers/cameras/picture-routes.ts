import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { readFrameMessage } from '../../frames/frame-message.ts';
import type { Frame } from '../../frames/frames.ts';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { Hub, Subscription } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseTransport } from '../../transports/transport.ts';
import { parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import { PARTS_TYPE, partFrames } from '../picture-faces.ts';
import type { Camera } from './camera.ts';
import { cameraStream } from './camera-record.ts';
import { type FindParts, watchedCamera } from './find-camera.ts';
import { frameBytes } from './frame-bytes.ts';
import { fpsSchema } from './viewer-socket.ts';

export interface PictureRouteParts extends FindParts {
  readonly hub: Hub;
  readonly sse: SseTransport;
  readonly clock: Clock;
  /** How long a single picture is waited for, ms. */
  readonly openMs: number;
}

const query = z.object({ fps: fpsSchema.exactOptional() });

/** `…/stream`, pictures that replace each other, and `…/picture`, the newest one. */
export function mountPictures(router: Router, parts: PictureRouteParts): void {
  router.add({
    method: 'GET',
    path: '/v1/cameras/:id/stream',
    access: 'optional',
    async handle(exchange) {
      const { tenant, id } = cameraOf(parts, exchange).record;
      const { fps } = checkInput(query, Object.fromEntries(exchange.query));
      await parts.sse.respond(exchange, {
        key: cameraStream(tenant, id, 'frames'),
        from: 'live',
        delivery: 'latest',
        intervalMs: fps === undefined ? 0 : 1000 / fps,
        face: partFrames,
        headers: { 'content-type': PARTS_TYPE },
      });
      return undefined;
    },
  });
  router.add({
    method: 'GET',
    path: '/v1/cameras/:id/picture',
    access: 'optional',
    handle: (exchange) => picture(parts, exchange),
  });
}

function cameraOf(parts: FindParts, exchange: Exchange): Camera {
  const { headers } = exchange.request;
  // An image of another site's page has no Origin; this says where it stands.
  const foreign = headers['sec-fetch-site'] === 'cross-site';
  const watcher = { principal: exchange.principal, origin: headers.origin, foreign };
  return watchedCamera(parts, watcher, parameter(exchange, 'id'));
}

async function picture(parts: PictureRouteParts, exchange: Exchange): Promise<Reply> {
  const camera = cameraOf(parts, exchange);
  const frame = await nextFrame(parts, camera, exchange);
  if (frame === undefined) throw noPicture(camera);
  const { number, time, width, height } = frame.head;
  return {
    headers: {
      'content-type': 'image/jpeg',
      'cache-control': 'no-store',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-frame-number': String(number),
      'x-frame-timestamp': String(time),
      'x-frame-size': `${width}x${height}`,
    },
    body: Buffer.from(frame.jpeg.buffer, frame.jpeg.byteOffset, frame.jpeg.length),
  };
}

/** The newest frame, or the next where nobody watches; undefined if none came in time. */
async function nextFrame(
  { hub, clock, openMs }: PictureRouteParts,
  camera: Camera,
  exchange: Exchange,
): Promise<Frame | undefined> {
  const { tenant, id } = camera.record;
  const { promise, resolve } = Promise.withResolvers<Frame | undefined>();
  using _patience = clock.after(openMs, () => resolve(undefined));
  const { socket } = exchange.request;
  const left = (): void => resolve(undefined);
  socket.once('close', left);
  let subscription: Subscription | undefined;
  const attached = await hub.attach(
    { key: cameraStream(tenant, id, 'frames'), from: 'live', delivery: 'latest' },
    {
      encoding: frameBytes,
      receipt() {},
      write(message) {
        // An erased one is nothing; the next follows.
        if (message.length > 0) resolve(readFrameMessage(message));
        return true;
      },
      end: () => resolve(undefined),
    },
  );
  if (attached.kind === 'attached') ({ subscription } = attached);
  else resolve(undefined);
  try {
    return await promise;
  } finally {
    socket.off('close', left);
    subscription?.[Symbol.dispose]();
  }
}

function noPicture({ state }: Camera): PlayheadError {
  const { status, reason, message } = state;
  return status === 'failed'
    ? new PlayheadError('upstream-failed', message ?? 'The camera failed.', { extensions: { reason } })
    : new PlayheadError('upstream-timeout', 'The camera has sent no picture in time.', {
        extensions: { state: status },
      });
}
