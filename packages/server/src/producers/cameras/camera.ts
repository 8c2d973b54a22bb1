import type { Position } from '@playhead/protocol';
import type { FrameFeed, Frames, FrameStream } from '../../frames/frames.ts';
import type { Hub } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { SocketRendering } from '../../transports/socket-face.ts';
import type { DetectedObject } from '../../video/detector.ts';
import type { Video } from '../../video/video.ts';
import { AnnotatedSource } from './annotated-source.ts';
import { createEventOutlet, type EventOutlet } from './camera-event.ts';
import { type CameraRecord, cameraStream } from './camera-record.ts';
import { type CameraState, type CameraStates, cameraStates } from './camera-state.ts';
import { createDetections, type Detections } from './detections.ts';
import { frameData } from './frame-data.ts';
import { holdDemand } from './hold-demand.ts';
import { PushedSource } from './pushed-source.ts';
import { type RecentFrame, RecentFrames } from './recent-frames.ts';
import type { CameraSettings } from './settings.ts';
import { type Prepared, VideoSource } from './video-source.ts';
import { createViewers, type Viewers } from './viewers.ts';

export interface CameraParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly frames: Frames;
  readonly video: Pick<Video, 'open'>;
  readonly settings: CameraSettings;
  /** Decides what of a camera may be opened now. */
  prepare(record: CameraRecord): Promise<Prepared>;
}

/** A frame that somebody sends. */
export interface PushedFrame {
  readonly jpeg: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** ms since 1970, by the sender's clock; undefined: when it has come. */
  readonly timestamp: number | undefined;
  /** What the sender found in it. */
  readonly detections?: readonly DetectedObject[];
}

/** A stream for viewers, and where its newest frame stands, if there was one. */
export interface Shown {
  readonly key: StreamKey;
  readonly newest: Position | undefined;
}

/** A frame's time may be so far ahead of ours, ms (D-28). */
const AHEAD_MS = 10_000;
/** Frames whose place is awaited by what was found in them. */
const UNPLACED = 64;

/** One camera while the server runs: its streams, where their frames come from, and how it fares. */
export class Camera {
  readonly #parts: CameraParts;
  #record: CameraRecord;
  readonly #streams: OpenedStreams;
  readonly #outlet: EventOutlet;
  readonly #states: CameraStates;
  readonly #detections: Detections;
  readonly #recent: RecentFrames;
  readonly #watching = new Set<() => void>();
  readonly #unplaced = new Map<number, (frame: RecentFrame) => void>();
  /** One object for all its viewers on the documented socket. */
  readonly rendering: SocketRendering;
  /** Those on WebSockets. */
  readonly viewers: Viewers;
  #feed: FrameFeed | undefined;
  #drawnFeed: FrameFeed | undefined;
  #drawn: AnnotatedSource | undefined;
  #video: VideoSource | undefined;
  #pushed: PushedSource | undefined;
  #detector: Disposable | undefined;
  #detectorDown = false;
  /** Of the newest frame, and of the newest that somebody looked at. */
  #lastTime = 0;
  #lastLooked = 0;
  /** That of the newest frame that a detector of the server has begun to look at: it takes one at a time. */
  #lookingAt = 0;
  #pushedAt: number | undefined;
  #pushInterval = 0;
  #closed = false;

  private constructor(parts: CameraParts, record: CameraRecord, opened: OpenedStreams) {
    const { hub, clock, logger } = parts;
    const { tenant, id } = record;
    this.#parts = parts;
    this.#record = record;
    this.#streams = opened;
    this.#recent = opened.recent;
    this.rendering = frameData(id);
    this.#outlet = createEventOutlet({ hub, key: this.#key('events'), id, clock, logger });
    this.#states = cameraStates(this.#outlet, () => clock.now());
    this.#detections = createDetections({ hub, key: cameraStream(tenant, id, 'detections'), clock });
    this.viewers = createViewers({
      outlet: this.#outlet,
      now: () => clock.now(),
      newest: () =>
        (this.#record.detect === null ? this.#recent.newest : opened.drawn())?.time ?? this.#lastTime,
    });
    opened.placed = (frame) => this.#placed(frame);
    this.#begin();
  }

  /** Makes its streams of frames. Its other streams are there. */
  static async open(parts: CameraParts, record: CameraRecord): Promise<Camera> {
    const { tenant, id } = record;
    const recent = new RecentFrames();
    const opened: { placed: OpenedStreams['placed'] } = { placed: () => {} };
    const frames = await parts.frames.open(
      cameraStream(tenant, id, 'frames'),
      undefined,
      (message, position) => {
        const frame = recent.add(message, position, parts.clock.now());
        if (frame !== undefined) opened.placed(frame);
      },
    );
    const drawn = new RecentFrames(1);
    const annotated = await parts.frames.open(
      cameraStream(tenant, id, 'annotated'),
      undefined,
      (message, position) => void drawn.add(message, position, parts.clock.now()),
    );
    return new Camera(
      parts,
      record,
      Object.assign(opened, { frames, annotated, recent, drawn: () => drawn.newest }),
    );
  }

  get record(): CameraRecord {
    return this.#record;
  }

  get state(): CameraState {
    return this.#states.now;
  }

  /** What viewers are shown: frames as they are, or with what was found in them. Changes with its options. */
  get shown(): Shown {
    const drawn = this.#record.detect !== null;
    const newest = drawn ? this.#streams.drawn()?.position : this.#recent.newest?.position;
    return { key: this.#key(drawn ? 'annotated' : 'frames'), newest };
  }

  /** Calls when `shown` may be another. */
  onShown(changed: () => void): Disposable {
    this.#watching.add(changed);
    return { [Symbol.dispose]: () => void this.#watching.delete(changed) };
  }

  get recent(): RecentFrames {
    return this.#recent;
  }

  /** Between two of its frames, about, ms; undefined while nobody knows. */
  get intervalMs(): number | undefined {
    const fps = this.#record.fps ?? this.#states.now.about?.fps ?? undefined;
    return this.#pushed === undefined ? fps && 1000 / fps : this.#pushInterval;
  }

  /** Of the process that reads its source, while there is one. */
  get pid(): number | undefined {
    return this.#video?.filming?.pid;
  }

  /** Takes other options. Where pictures come from begins anew if that is another. */
  change(record: CameraRecord, source: boolean): void {
    this.#record = record;
    if (!source || this.#closed) return;
    this.#begin();
    for (const changed of this.#watching) changed();
  }

  /** See D-28: published only if it has no source of its own, and the frame is newer than its newest. */
  push(frame: PushedFrame): 'published' | 'not-published' {
    const { jpeg, width, height, timestamp, detections } = frame;
    const now = this.#parts.clock.now();
    const pushed = this.#pushed;
    const time = timestamp === undefined || timestamp > now + AHEAD_MS ? now : timestamp;
    if (pushed === undefined || time <= this.#lastTime) return 'not-published';
    this.#lastTime = time;
    this.#alive(now, width, height);
    const about = detections === undefined ? {} : { about: { detections } };
    const watched = pushed.push({ jpeg, width, height, time, ...about });
    if (detections !== undefined) {
      const keep = (at: { number: number | null; position: RecentFrame['position'] | null }): void =>
        void this.#keep({ ...at, time, width, height }, 'pushed', false, detections);
      if (watched) this.#whenPlaced(time, keep);
      else keep({ number: null, position: null });
    }
    return 'published';
  }

  /**
   * Keeps what an outside detector found in a frame. Resolves once that is committed: its position, and whether the
   * frame had gone on without it.
   */
  async report(
    frame: RecentFrame,
    detector: string,
    objects: readonly DetectedObject[],
  ): Promise<{ readonly position: string | undefined; readonly late: boolean }> {
    const late = this.#look(frame, objects);
    return { position: await this.#detections.keep({ frame, detector, late, objects }), late };
  }

  /** Looks after its health. Called again and again. */
  check(): void {
    const { clock, settings } = this.#parts;
    const now = clock.now();
    const filming = this.#video?.filming;
    if (filming?.waitingSince !== undefined) {
      const interval = 1000 / Math.min(this.#record.fps ?? 60, filming.about?.fps ?? 10);
      if (now - filming.waitingSince > Math.max(settings.frozenMs, 3 * interval))
        this.#states.missed('frozen', filming.waitingSince);
    }
    if (this.#pushed !== undefined && this.#pushedAt !== undefined) {
      if (now - this.#pushedAt > Math.max(settings.frozenMs, 3 * this.#pushInterval))
        this.#states.missed('silent', this.#pushedAt);
    }
    this.viewers.check();
  }

  /** Stops where frames come from. Its streams stay, and whoever watches them. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** The same, and ends its streams of frames. */
  async remove(): Promise<void> {
    this.close();
    await Promise.all([
      this.#streams.frames[Symbol.asyncDispose](),
      this.#streams.annotated[Symbol.asyncDispose](),
    ]);
  }

  #key(part: 'frames' | 'annotated' | 'events'): StreamKey {
    return cameraStream(this.#record.tenant, this.#record.id, part);
  }

  #stop(): void {
    this.#detector?.[Symbol.dispose]();
    this.#feed?.[Symbol.dispose]();
    this.#drawnFeed?.[Symbol.dispose]();
  }

  #begin(): void {
    const { frames, hub, clock, settings } = this.#parts;
    const { url, detect } = this.#record;
    // What was open is closed first: it may hold the last place that there is for sources.
    this.#stop();
    this.#detector = undefined;
    this.#detectorDown = false;
    this.#pushed = url === null ? new PushedSource(clock) : undefined;
    this.#video = url === null ? undefined : this.#videoSource();
    const source = this.#video ?? this.#pushed;
    if (source === undefined) return;
    this.#feed = frames.feed(source);
    this.#streams.frames.show(this.#feed);
    // Without a detector these are the very same frames, encoded once.
    this.#drawn =
      detect === null
        ? undefined
        : new AnnotatedSource({
            ...{ hub, clock, key: this.#key('frames'), recent: this.#recent },
            waitMs: settings.detectWaitMs,
            awaits: (frame) => this.#awaits(frame),
          });
    this.#drawnFeed = this.#drawn === undefined ? undefined : frames.feed(this.#drawn);
    this.#streams.annotated.show(this.#drawnFeed ?? this.#feed);
    // A detector is a viewer that shows nothing: frames are made for it though nobody else watches.
    if (url !== null && detect !== null && detect.kind !== 'outside')
      this.#detector = holdDemand(this.#parts, this.#key('frames'), 1000 / detect.fps);
  }

  #videoSource(): VideoSource {
    const { video, clock, settings } = this.#parts;
    const { id, fps, width, quality, detect } = this.#record;
    const states = this.#states;
    return new VideoSource({
      video,
      clock,
      request: {
        ...{ id, fps, width, quality, openMs: settings.openMs },
        detector: detect === null || detect.kind === 'outside' ? null : detect,
      },
      retryMaxMs: settings.retryMaxMs,
      prepare: () => this.#parts.prepare(this.#record),
      heard: {
        opening: () => states.opening(),
        opened: (about) => states.opened(about),
        arrived: (time, looked) => {
          states.arrived();
          this.#lastTime = Math.max(Math.floor(time), this.#lastTime + 1);
          if (looked) this.#lookingAt = this.#lastTime;
          return this.#lastTime;
        },
        detected: ({ time, objects }) => this.#detected(time, objects),
        corrupt: (frames) => this.#outlet.tell({ type: 'corrupt', frames }),
        detectorFailed: (message) => {
          this.#detectorDown = true;
          this.#outlet.tell({ type: 'detector-failed', message });
          this.#drawn?.looked();
        },
        failed: (reason, message, retryMs) => states.failed(reason, message, retryMs),
        restarting: (message, retryMs) => states.restarting(message, retryMs),
        over: () => states.over(),
        closed: () => states.closed(),
      },
    });
  }

  #detected(time: number, objects: readonly DetectedObject[]): void {
    const detector = this.#record.detect?.kind ?? 'none';
    this.#whenPlaced(time, (frame) => {
      const late = this.#look(frame, objects);
      this.#detections
        .follow({ frame, detector, late, objects })
        .catch((error: unknown) => this.#lost(error));
    });
  }

  async #keep(
    frame: Parameters<Detections['keep']>[0]['frame'],
    detector: string,
    late: boolean,
    objects: readonly DetectedObject[],
  ): Promise<void> {
    await this.#detections
      .keep({ frame, detector, late, objects })
      .catch((error: unknown) => this.#lost(error));
  }

  /** True if the frame had gone on before. */
  #look(frame: RecentFrame, objects: readonly DetectedObject[]): boolean {
    const late = frame.gone || this.#parts.clock.now() - frame.placedAt > this.#parts.settings.detectWaitMs;
    if (!late) frame.objects = [...(frame.objects ?? []), ...objects];
    this.#lastLooked = Math.max(this.#lastLooked, frame.time);
    this.#drawn?.looked();
    return late;
  }

  #awaits({ time }: RecentFrame): boolean {
    const { detect } = this.#record;
    if (detect === null || this.#detectorDown || time <= this.#lastLooked) return false;
    return detect.kind === 'outside' || time === this.#lookingAt;
  }

  // What was found may be known before the frame's place is.
  #whenPlaced(time: number, call: (frame: RecentFrame) => void): void {
    const frame = this.#recent.at(time);
    if (frame !== undefined) return call(frame);
    const [oldest] = this.#unplaced.keys();
    if (this.#unplaced.size >= UNPLACED && oldest !== undefined) this.#unplaced.delete(oldest);
    this.#unplaced.set(time, call);
  }

  #placed(frame: RecentFrame): void {
    const call = this.#unplaced.get(frame.time);
    if (call === undefined) return;
    this.#unplaced.delete(frame.time);
    call(frame);
  }

  #alive(now: number, width: number, height: number): void {
    const before = this.#pushedAt;
    this.#pushedAt = now;
    const { status, about } = this.#states.now;
    if (before !== undefined && status === 'live')
      this.#pushInterval += (now - before - this.#pushInterval) / 8;
    this.#states.arrived();
    if (status === 'idle' || about?.width !== width || about.height !== height)
      this.#states.opened({ width, height, fps: null, codec: 'mjpeg' });
  }

  #lost(error: unknown): void {
    this.#parts.logger.error({ err: error }, 'what a detector found was lost');
  }
}

interface OpenedStreams {
  readonly frames: FrameStream;
  readonly annotated: FrameStream;
  /** The newest frame of `annotated`. */
  readonly drawn: () => RecentFrame | undefined;
  readonly recent: RecentFrames;
  /** Hears of frames that have their place. */
  placed: (frame: RecentFrame) => void;
}
