import { z } from 'zod';
import type { RecordingWish } from '../../frames/recordings.ts';
import { recordingWish } from '../recording-routes.ts';
import type { CameraOptions, Detect } from './camera-record.ts';

/** Characters that a path segment or a name cannot hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const BARRED = /[\u0000-\u001f\u007f/\\]/;

/** Any id that fits into a path: it is foreign, and may be anything else. */
export const cameraId: z.ZodType<string> = z
  .string()
  .min(1)
  .max(128)
  .refine(
    (id) => id.isWellFormed() && !BARRED.test(id) && id !== '.' && id !== '..',
    'must be text without / and \\',
  );

const share = z.number().min(0).max(1);
const polygons = z
  .array(
    z
      .array(z.tuple([share, share]))
      .min(3)
      .max(64),
  )
  .max(32)
  .default([]);
const rate = z.number().min(0.1).max(60);

const motion = z.strictObject({
  kind: z.literal('motion'),
  fps: rate.default(5),
  threshold: share.default(0.08),
  area: share.default(0.002),
  zones: polygons,
  masks: polygons,
});

const onnx = z.strictObject({
  kind: z.literal('onnx'),
  fps: rate.default(2),
  model: z.string().min(1).max(1024),
  labels: z.array(z.string().min(1).max(64)).min(1).max(1000),
  confidence: share.default(0.4),
  overlap: share.default(0.5),
  zones: polygons,
  masks: polygons,
});

const outside = z.strictObject({ kind: z.literal('outside') });

/** `"motion"` and `"outside"` stand for those with nothing else said; false for none. */
const detect: z.ZodType<Detect | null> = z.preprocess(
  (value) => (typeof value === 'string' ? { kind: value } : value === false ? null : value),
  z.discriminatedUnion('kind', [motion, onnx, outside]).nullable(),
);

const options: OptionsShape = {
  transport: z.enum(['tcp', 'udp']).exactOptional(),
  loop: z.boolean().exactOptional(),
  fps: z.number().min(0.1).max(60).nullable().exactOptional(),
  width: z.int().min(16).max(7680).nullable().exactOptional(),
  quality: z.int().min(1).max(100).exactOptional(),
  detect: detect.exactOptional(),
  public: z.boolean().exactOptional(),
};

type OptionsShape = {
  readonly [K in keyof CameraOptions]: z.ZodExactOptional<z.ZodType<CameraOptions[K]>>;
};

const url = z.string().min(1).max(2048).nullable().exactOptional();

export type Creation = Change & { readonly id: string; readonly recording?: RecordingWish | null };
export type Change = Partial<CameraOptions> & { readonly url?: string | null };

export const creation: z.ZodType<Creation> = z.strictObject({
  id: cameraId,
  url,
  ...options,
  recording: recordingWish.exactOptional(),
});
export const change: z.ZodType<Change> = z.strictObject({ url, ...options });
