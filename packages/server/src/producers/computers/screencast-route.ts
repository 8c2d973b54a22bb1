import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Router } from '../../http/router.ts';
import type { SseFace, SseTransport } from '../../transports/transport.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import { addRoute } from './both-prefixes.ts';
import { runningComputer } from './find-computer.ts';
import { PARTS_TYPE, partFrames } from '../picture-faces.ts';
import { jsonFrames, rawFrames } from './frame-faces.ts';
import type { LiveComputers } from './live-computers.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Computer } from './computer.ts';

export interface ScreencastParts {
  readonly live: LiveComputers;
  readonly sse: SseTransport;
}

/** Frames a second that a viewer may ask for: any number that makes an interval. */
export const fpsSchema: z.ZodType<number> = z.coerce.number().min(0.01).max(1000);

const query = z.object({
  format: z.enum(['raw', 'json', 'mjpeg']).default('raw'),
  fps: fpsSchema.exactOptional(),
  tab_id: z.string().max(64).exactOptional(),
});

const FACES: Readonly<Record<'raw' | 'json' | 'mjpeg', SseFace>> = {
  raw: rawFrames,
  json: jsonFrames,
  mjpeg: partFrames,
};

/** `GET …/screencast`: what a computer shows, while it runs. */
export function mountScreencast(router: Router, { live, sse }: ScreencastParts): void {
  addRoute(router, {
    method: 'GET',
    path: '/:id/screencast',
    access: { scope: 'computers:read' },
    async handle(exchange) {
      const computer = runningComputer(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
      const { format, fps, tab_id } = checkInput(query, Object.fromEntries(exchange.query));
      const key = await requireStream(computer, tab_id);
      const viewer = computer.spectators.add();
      exchange.response.once('close', () => viewer[Symbol.dispose]());
      await sse.respond(exchange, {
        key,
        from: 'live',
        delivery: 'latest',
        intervalMs: fps === undefined ? 0 : 1000 / fps,
        face: FACES[format],
        ...(format === 'mjpeg' ? { headers: { 'content-type': PARTS_TYPE } } : {}),
      });
      return undefined;
    },
  });
}

/** The stream of a tab, or the one that follows the main tab. Throws `not-found`. */
export async function requireStream({ film }: Computer, tab: string | undefined): Promise<StreamKey> {
  const key = await film.streamOf(tab ?? null);
  if (key === undefined) throw new PlayheadError('not-found', 'There is no such tab.');
  return key;
}
