import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { RecordingWish } from '../../frames/recordings.ts';
import { checkInput } from '../check-input.ts';
import { recordingWish } from '../recording-routes.ts';
import type { Viewport } from './browser.ts';
import type { CaptureSize } from './capture.ts';
import type { ComputerSettings } from './settings.ts';
import { withoutNulls } from './without-nulls.ts';

/** What a computer shall be like. */
export interface ComputerWish {
  readonly idleMs: number;
  readonly idleEnabled: boolean;
  readonly lifetimeMs: number;
  readonly viewport: Viewport;
  /** How its tabs are filmed. */
  readonly picture: CaptureSize;
  /** The profile to use and keep; `own`: one that is kept under the computer's id; null: one that is not kept. */
  readonly context: { readonly id: string } | 'own' | null;
  /** Null: it is not recorded from the beginning. */
  readonly recording: RecordingWish | null;
}

const contextId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ ~ -')
  .exactOptional();

/**
 * The body of `POST /computers`; every member may be missing, and unknown ones are ignored. The names of the newer
 * generation win over those of the older one. Throws `invalid-request`, and `not-served` for a desktop (D-26).
 */
export function readWish(body: unknown, settings: ComputerSettings): ComputerWish {
  const seconds = z
    .int()
    .min(1)
    .max(Math.max(1, Math.floor(settings.maxLifetimeMs / 1000)))
    .exactOptional();
  const input = checkInput(
    z.object({
      kind: z.enum(['browser', 'desktop']).exactOptional(),
      display: z
        .object({
          width: z.int().min(1).max(7680).exactOptional(),
          height: z.int().min(1).max(4320).exactOptional(),
          scale: z.number().min(0.25).max(4).exactOptional(),
        })
        .exactOptional(),
      screencast: z
        .object({
          max_width: z.int().min(16).max(7680).exactOptional(),
          max_height: z.int().min(16).max(4320).exactOptional(),
          quality: z.int().min(1).max(100).exactOptional(),
        })
        .exactOptional(),
      timeout_seconds: seconds,
      max_lifetime_seconds: seconds,
      inactivity_timeout_seconds: seconds,
      auto_kill: z.boolean().exactOptional(),
      idle_timeout_enabled: z.boolean().exactOptional(),
      context_id: contextId,
      environment_id: contextId,
      persistent: z.boolean().exactOptional(),
      recording: recordingWish.exactOptional(),
    }),
    withoutInnerNulls(body ?? {}),
  );
  if (input.kind === 'desktop') {
    throw new PlayheadError('not-served', 'This server has browsers, no desktops: leave kind out.');
  }
  const { viewport, picture } = settings;
  const lifetime = input.max_lifetime_seconds ?? input.timeout_seconds;
  const idle = input.inactivity_timeout_seconds;
  const context = input.context_id ?? input.environment_id;
  return {
    idleMs: idle === undefined ? settings.idleMs : idle * 1000,
    idleEnabled: input.idle_timeout_enabled ?? input.auto_kill ?? true,
    lifetimeMs: lifetime === undefined ? settings.lifetimeMs : lifetime * 1000,
    viewport: {
      width: input.display?.width ?? viewport.width,
      height: input.display?.height ?? viewport.height,
      scale: input.display?.scale ?? viewport.scale,
    },
    picture: {
      maxWidth: input.screencast?.max_width ?? picture.maxWidth,
      maxHeight: input.screencast?.max_height ?? picture.maxHeight,
      quality: input.screencast?.quality ?? picture.quality,
    },
    context: context === undefined ? (input.persistent === true ? 'own' : null) : { id: context },
    recording: input.recording ?? null,
  };
}

// Two members have members of their own.
function withoutInnerNulls(body: unknown): unknown {
  const members = withoutNulls(body);
  if (typeof members !== 'object' || members === null) return members;
  return {
    ...members,
    ...('display' in members ? { display: withoutNulls(members.display) } : {}),
    ...('screencast' in members ? { screencast: withoutNulls(members.screencast) } : {}),
  };
}
