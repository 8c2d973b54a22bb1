import type { Position } from '@playhead/protocol';
import type { FrameFeed, Frames } from '../../frames/frames.ts';
import type { Hub } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { SocketRendering } from '../../transports/socket-face.ts';
import type { DetectedObject } from '../../video/detector.ts';
import type { Video } from '../../video/video.ts';
import { AnnotatedSource } from './annotated-source.ts';
import { createEventOutlet, type EventOutlet } from './camera-event.ts';
import { type CameraHealth, createHealth } from './camera-health.ts';
import { type CameraRecord, cameraStream } from './camera-record.ts';
import { type CameraState, type CameraStates, cameraStates } from './camera-state.ts';
import { createCameraVideo } from './camera-video.ts';
import { createDetections } from './detections.ts';
import { createFindings, type Findings, type Reported } from './findings.ts';
import { frameData } from './frame-data.ts';
import { createFrameTimes, type FrameTimes } from './frame-times.ts';
import { holdDemand } from './hold-demand.ts';
import { PushedSource } from './pushed-source.ts';
import type { RecentFrame, RecentFrames } from './recent-frames.ts';
import { openRememberedStream, type RememberedStream } from './remembered-stream.ts';
import type { CameraSettings } from './settings.ts';
import type { Prepared, VideoSource } from './video-source.ts';
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

/** One camera while the server runs: its streams, where their frames come from, and how it fares. */
export class Camera {
  readonly #parts: CameraParts;
  #record: CameraRecord;
  readonly #frames: RememberedStream;
  readonly #annotated: RememberedStream;
  readonly #outlet: EventOutlet;
  readonly #states: CameraStates;
  readonly #health: CameraHealth;
  readonly #times: FrameTimes;
  readonly #findings: Findings;
  readonly #watching = new Set<() => void>();
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
  #closed = false;

  private constructor(
    parts: CameraParts,
    record: CameraRecord,
    frames: RememberedStream,
    annotated: RememberedStream,
  ) {
    const { hub, clock, logger, settings } = parts;
    const { tenant, id } = record;
    this.#parts = parts;
    this.#record = record;
    this.#frames = frames;
    this.#annotated = annotated;
    this.rendering = frameData(id);
    this.#outlet = createEventOutlet({ hub, key: cameraStream(tenant, id, 'events'), id, clock, logger });
    this.#states = cameraStates(this.#outlet, () => clock.now());
    this.#health = createHealth({ states: this.#states, clock, frozenMs: settings.frozenMs });
    this.#times = createFrameTimes(clock);
    this.#findings = createFindings({
      ...{ clock, logger, recent: frames.recent },
      detections: createDetections({ hub, key: cameraStream(tenant, id, 'detections'), clock }),
      waitMs: settings.detectWaitMs,
      looked: () => this.#drawn?.looked(),
    });
    this.viewers = createViewers({
      outlet: this.#outlet,
      now: () => clock.now(),
      newest: () => this.#shown.recent.newest?.time ?? this.#times.newest,
    });
    this.#begin();
  }

  /** Makes its streams of frames. Its other streams are there. */
  static async open(parts: CameraParts, record: CameraRecord): Promise<Camera> {
    const { tenant, id } = record;
    const frames = await openRememberedStream(parts, cameraStream(tenant, id, 'frames'));
    const annotated = await openRememberedStream(parts, cameraStream(tenant, id, 'annotated'), 1);
    return new Camera(parts, record, frames, annotated);
  }

  get record(): CameraRecord {
    return this.#record;
  }

  get state(): CameraState {
    return this.#states.now;
  }

  /** What viewers are shown: frames as they are, or with what was found in them. Changes with its options. */
  get shown(): Shown {
    const { stream, recent } = this.#shown;
    return { key: stream.key, newest: recent.newest?.position };
  }

  /** Calls when `shown` may be another. */
  onShown(changed: () => void): Disposable {
    this.#watching.add(changed);
    return { [Symbol.dispose]: () => void this.#watching.delete(changed) };
  }

  get recent(): RecentFrames {
    return this.#frames.recent;
  }

  /** Between two of its frames, about, ms; undefined while nobody knows. */
  get intervalMs(): number | undefined {
    const fps = this.#record.fps ?? this.#states.now.about?.fps ?? undefined;
    return this.#pushed === undefined ? fps && 1000 / fps : this.#health.pushIntervalMs;
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
    const pushed = this.#pushed;
    const time = pushed === undefined ? undefined : this.#times.pushed(timestamp);
    if (pushed === undefined || time === undefined) return 'not-published';
    this.#health.pushed(width, height);
    const about = detections === undefined ? {} : { about: { detections } };
    const watched = pushed.push({ jpeg, width, height, time, ...about });
    if (detections !== undefined) this.#findings.pushed({ time, width, height }, watched, detections);
    return 'published';
  }

  /**
   * Keeps what an outside detector found in a frame. Resolves once that is committed: its position, and whether the
   * frame had gone on without it.
   */
  report(frame: RecentFrame, detector: string, objects: readonly DetectedObject[]): Promise<Reported> {
    return this.#findings.report(frame, detector, objects);
  }

  /** Looks after its health. Called again and again. */
  check(): void {
    const filming = this.#video?.filming;
    if (filming !== undefined) this.#health.checkFilming(filming, this.#record.fps);
    if (this.#pushed !== undefined) this.#health.checkPushed();
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
      this.#frames.stream[Symbol.asyncDispose](),
      this.#annotated.stream[Symbol.asyncDispose](),
    ]);
  }

  get #shown(): RememberedStream {
    return this.#record.detect === null ? this.#frames : this.#annotated;
  }

  #stop(): void {
    this.#detector?.[Symbol.dispose]();
    this.#feed?.[Symbol.dispose]();
    this.#drawnFeed?.[Symbol.dispose]();
  }

  #begin(): void {
    const { frames, hub, clock, settings } = this.#parts;
    const { url, detect } = this.#record;
    const { stream, recent } = this.#frames;
    // What was open is closed first: it may hold the last place that there is for sources.
    this.#stop();
    this.#detector = undefined;
    this.#findings.begin(detect);
    this.#pushed = url === null ? new PushedSource(clock) : undefined;
    this.#video = url === null ? undefined : this.#filmed();
    const source = this.#video ?? this.#pushed;
    if (source === undefined) return;
    this.#feed = frames.feed(source);
    stream.show(this.#feed);
    // Without a detector these are the very same frames, encoded once.
    this.#drawn =
      detect === null
        ? undefined
        : new AnnotatedSource({
            ...{ hub, clock, key: stream.key, recent },
            waitMs: settings.detectWaitMs,
            awaits: (frame) => this.#findings.awaits(frame),
          });
    this.#drawnFeed = this.#drawn === undefined ? undefined : frames.feed(this.#drawn);
    this.#annotated.stream.show(this.#drawnFeed ?? this.#feed);
    // A detector is a viewer that shows nothing: frames are made for it though nobody else watches.
    if (url !== null && detect !== null && detect.kind !== 'outside')
      this.#detector = holdDemand(this.#parts, stream.key, 1000 / detect.fps);
  }

  #filmed(): VideoSource {
    const { video, clock, settings } = this.#parts;
    return createCameraVideo(
      {
        ...{ video, clock, settings, states: this.#states, outlet: this.#outlet },
        ...{ findings: this.#findings, times: this.#times },
        prepare: () => this.#parts.prepare(this.#record),
      },
      this.#record,
    );
  }
}
