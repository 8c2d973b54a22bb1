import type { VideoAbout } from '../../video/video.ts';
import type { CameraEvent, CameraFailure, EventOutlet } from './camera-event.ts';

/**
 * How a camera fares. `idle`: nobody wants frames of it, or none were ever pushed.
 *
 *           opening          opened            no frames for a while
 *   idle ───────────▶ opening ──────▶ live ◀───────────────────────▶ frozen, silent
 *    ▲                   ▲ │ failed     │ broke                frames again
 *    │ closed, from      └─▼────────────▼
 *    └ anywhere          failed                 over: a file was played
 */
export interface CameraState {
  readonly status: 'idle' | 'opening' | 'live' | 'frozen' | 'silent' | 'failed' | 'over';
  /** ms since 1970. */
  readonly since: number;
  readonly reason?: CameraFailure;
  /** For people. */
  readonly message?: string;
  /** Of its pictures, as its source has them. */
  readonly about?: VideoAbout;
}

export interface CameraStates {
  readonly now: CameraState;
  opening(): void;
  opened(about: VideoAbout): void;
  /** A frame has come. */
  arrived(): void;
  /** None has come since a time, ms since 1970. */
  missed(status: 'frozen' | 'silent', since: number): void;
  failed(reason: CameraFailure, message: string, retryMs: number): void;
  restarting(message: string, retryMs: number): void;
  over(): void;
  closed(): void;
}

/** Keeps the state, and tells what is new in it. */
export function cameraStates(outlet: EventOutlet, clock: () => number): CameraStates {
  let now: CameraState = { status: 'idle', since: clock() };
  let quietSince = 0;

  function become(status: CameraState['status'], more: Omit<CameraState, 'status' | 'since'> = {}): void {
    now = { status, since: clock(), ...more };
  }

  function tell(event: CameraEvent): void {
    outlet.tell(event);
  }

  return {
    get now() {
      return now;
    },
    opening() {
      // One that failed stays so until it is open: each new try is no news.
      if (now.status === 'failed') return;
      if (now.status !== 'opening') tell({ type: 'opening' });
      become('opening');
    },
    opened(about) {
      const { width, height, fps, codec } = about;
      const known = now.about;
      const same = known !== undefined && known.width === width && known.height === height;
      if (!same || now.status !== 'live')
        tell({ type: known === undefined || same ? 'opened' : 'resized', width, height, fps, codec });
      become('live', { about });
    },
    arrived() {
      if (now.status !== 'frozen' && now.status !== 'silent') return;
      tell({ type: 'recovered', after_ms: Math.max(0, Math.round(clock() - quietSince)) });
      become('live', now.about === undefined ? {} : { about: now.about });
    },
    missed(status, since) {
      if (now.status !== 'live') return;
      quietSince = since;
      tell({ type: status, for_ms: Math.round(clock() - since) });
      become(status, now.about === undefined ? {} : { about: now.about });
    },
    failed(reason, message, retryMs) {
      tell({ type: 'failed', reason, message, retry_ms: retryMs });
      become('failed', { reason, message });
    },
    restarting(message, retryMs) {
      tell({ type: 'restarting', message, retry_ms: retryMs });
      become('opening', { message });
    },
    over() {
      tell({ type: 'over' });
      become('over');
    },
    closed() {
      tell({ type: 'closed' });
      // Why it could not be opened stays to be read.
      if (now.status !== 'failed' && now.status !== 'over') become('idle');
    },
  };
}
