import type { Frame, Packet } from 'node-av/lib';
import type { VideoRequest } from '../../video.ts';
import { startDetection } from './detection.ts';
import { jpegBounds } from './jpeg-bounds.ts';
import { type Input, openDecoder } from './input.ts';
import type { Loaded } from './library.ts';
import type { Link } from './link.ts';
import { createPictureMaker, fitted } from './picture-maker.ts';
import { createRateGate } from './rate-gate.ts';

/**
 * Gives pictures to the server as it takes them: at most two that it has not, and the newest there is once it has.
 * Nothing queues, and nothing is encoded that is not given; a JPEG that may stay as it is, is not even decoded.
 */
export interface Delivery {
  /** A decoded picture, now. Its content is moved away. */
  offerFrame(frame: Frame): void;
  /** A picture that is a JPEG, now. False: it is none. */
  offerJpeg(packet: Packet): boolean;
  /** The server has taken so many in all. */
  taken(count: number): void;
}

const UNTAKEN_MAX = 2;
/** Of a JPEG that passes through, bytes. */
const JPEG_MAX = 16 * 2 ** 20;

export interface DeliveryParts {
  readonly link: Link;
  readonly request: VideoRequest;
  /** As it was opened first. */
  readonly input: Input;
  readonly loaded: Loaded;
  /** Called when it was told what the source is, each time. */
  readonly opened: () => void;
}

export function createDelivery({ link, request, input, loaded, opened }: DeliveryParts): Delivery {
  const { lib } = loaded;
  const maker = createPictureMaker(loaded, request);
  const passes = createRateGate(request.fps);
  const detection = request.detector === null ? undefined : startDetection(link, loaded, request.detector);
  let given = 0;
  let taken = 0;
  let size = '';
  /** The newest that was not given. */
  let newest: { readonly kind: 'frame' | 'jpeg'; readonly time: number } | undefined;
  const frame: Frame = new lib.Frame();
  frame.alloc();
  const packet: Packet = new lib.Packet();
  packet.alloc();
  const decoded: Frame = new lib.Frame();
  decoded.alloc();
  // Of its own, made now: what the input has goes with it.
  const decoder = input.jpeg ? openDecoder(loaded, input.stream) : undefined;
  let isDecoded = false;

  function about(width: number, height: number): void {
    if (size === `${width}x${height}`) return;
    size = `${width}x${height}`;
    opened();
    link.tell({ type: 'opened', width, height, fps: input.fps, codec: input.codec });
  }

  function give(): void {
    if (newest === undefined || given - taken >= UNTAKEN_MAX) return;
    const { kind, time } = newest;
    newest = undefined;
    const made = kind === 'frame' ? maker.make(frame) : fromJpeg();
    if (made === undefined) return;
    const { jpeg, width, height } = made;
    const looked = detection?.wants(time) === true;
    const picture = { number: ++given, width, height, time, looked };
    link.tell({ type: 'picture', ...picture }, jpeg);
    if (detection === undefined || !looked) return;
    if (kind === 'frame') detection.look(frame, picture);
    else if (decode()) detection.look(decoded, picture);
    else link.tell({ type: 'detected', ...picture, objects: [] });
  }

  /** Decodes the newest JPEG, once. */
  function decode(): boolean {
    isDecoded ||=
      decoder !== undefined && decoder.sendPacketSync(packet) >= 0 && decoder.receiveFrameSync(decoded) >= 0;
    return isDecoded;
  }

  function fromJpeg(): ReturnType<typeof maker.make> {
    const { data } = packet;
    const bounds = data === null ? undefined : jpegBounds(data);
    if (data === null || bounds === undefined) return undefined;
    const { width, height, tables } = bounds;
    if (tables && fitted(width, height, request.width).width === width) return { jpeg: data, width, height };
    return decode() ? maker.make(decoded) : undefined;
  }

  const { codecpar } = input.stream;
  // Some sources say so with their first picture only.
  if (codecpar.width > 0 && codecpar.height > 0) about(codecpar.width, codecpar.height);

  return {
    offerFrame(offered) {
      about(offered.width, offered.height);
      const time = Date.now();
      if (!passes(time)) return;
      frame.unref();
      frame.ref(offered);
      newest = { kind: 'frame', time };
      give();
    },
    offerJpeg(offered) {
      const bounds = offered.data === null ? undefined : jpegBounds(offered.data);
      if (bounds === undefined || offered.size > JPEG_MAX) return false;
      about(bounds.width, bounds.height);
      const time = Date.now();
      if (!passes(time)) return true;
      packet.unref();
      packet.ref(offered);
      isDecoded = false;
      newest = { kind: 'jpeg', time };
      give();
      return true;
    },
    taken(count) {
      taken = Math.max(taken, Math.min(count, given));
      give();
    },
  };
}
