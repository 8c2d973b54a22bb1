import type { OnnxSettings } from '../../detector.ts';
import type { Detector, PictureSize } from './detector.ts';
import { DetectorFailure } from './detector-failure.ts';
import { createFrameScaler, type FrameScaler } from './frame-scaler.ts';
import type { Loaded } from './library.ts';
import { loadOnnxRuntime, type OnnxSession, type OnnxValue } from './onnx-runtime.ts';
import { type Placed, yoloBoxes, yoloLayout } from './yolo-boxes.ts';
import { isLookedAt } from './zones.ts';
import type { Frame } from 'node-av/lib';

/** Pixels a side where a model takes any size. */
const SIDE = 640;
const SIDE_MAX = 4_096;
/** What fills the rest of the model's picture: the grey that these models were taught with. */
const PADDING = 114 / 255;

/** Runs a model of the YOLO family over pictures, fitted into the size that it takes. Rejects with `DetectorFailure`. */
export async function createOnnxDetector(loaded: Loaded, settings: OnnxSettings): Promise<Detector> {
  const { labels } = settings;
  if (labels.length === 0) throw new DetectorFailure('A model needs the list of its labels.');
  const runtime = await loadOnnxRuntime();
  if (runtime === undefined)
    throw new DetectorFailure(
      'Models need the package onnxruntime-node, which is not there. Install it with `npm install onnxruntime-node`.',
    );
  let session: OnnxSession;
  try {
    session = await runtime.InferenceSession.create(settings.model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });
  } catch {
    throw new DetectorFailure('The model cannot be loaded: the file is not there, or is no ONNX model.');
  }
  const [inputName = ''] = session.inputNames;
  const [outputName = ''] = session.outputNames;
  const { width, height } = inputSize(session.inputMetadata);
  const scaler = createFrameScaler(loaded, 'planes');

  return {
    async look(frame, picture) {
      const { data, placed } = fit(scaler, frame, picture, width, height);
      const tensor = new runtime.Tensor('float32', data, [1, 3, height, width]);
      let answer: Awaited<ReturnType<OnnxSession['run']>>[string] | undefined;
      try {
        answer = (await session.run({ [inputName]: tensor }))[outputName];
      } catch {
        throw new DetectorFailure(
          `The model does not take a picture of the shape [1, 3, ${height}, ${width}].`,
        );
      }
      if (!(answer?.data instanceof Float32Array))
        throw new DetectorFailure('The model does not answer in numbers of the type float32.');
      const layout = yoloLayout(answer.dims, labels.length);
      if (typeof layout === 'string') throw new DetectorFailure(layout);
      const boxes = yoloBoxes(answer.data, layout, placed, settings);
      return boxes.filter(({ bbox: [x, y, wide, high] }) =>
        isLookedAt(settings, (x + wide / 2) / picture.width, (y + high / 2) / picture.height),
      );
    },
  };
}

/** Pixels that a model takes. Throws `DetectorFailure` if it takes no pictures. */
function inputSize([input]: readonly OnnxValue[]): PictureSize {
  const shape = input?.shape ?? [];
  const [batch, colours] = shape;
  const side = (given: number | string | undefined): number =>
    typeof given === 'number' && given > 0 ? given : SIDE;
  const fits =
    input?.type === 'float32' &&
    shape.length === 4 &&
    (batch === 1 || typeof batch === 'string' || batch === -1) &&
    (colours === 3 || typeof colours === 'string' || colours === -1);
  const [height, width] = [side(shape[2]), side(shape[3])];
  if (fits && height <= SIDE_MAX && width <= SIDE_MAX) return { width, height };
  throw new DetectorFailure(
    `The model takes ${input?.type ?? 'something'} in the shape [${shape.join(', ')}], and not pictures: ` +
      'float32 in the shape [1, 3, height, width].',
  );
}

/** The picture in the middle of the model's, as large as it goes: three planes, red, green and blue, from 0 to 1. */
function fit(
  scaler: FrameScaler,
  frame: Frame,
  picture: PictureSize,
  width: number,
  height: number,
): { readonly data: Float32Array; readonly placed: Placed } {
  const scale = Math.min(width / picture.width, height / picture.height);
  const wide = Math.max(1, Math.round(picture.width * scale));
  const high = Math.max(1, Math.round(picture.height * scale));
  const left = (width - wide) >> 1;
  const top = (height - high) >> 1;
  const data = new Float32Array(3 * width * height);
  if (wide < width || high < height) data.fill(PADDING);
  const small = scaler.scale(frame, wide, high);
  // FFmpeg keeps green, blue and red, in that order.
  for (const [plane, from] of [2, 0, 1].entries()) {
    const rows = small?.data?.[from];
    const stride = small?.linesize[from] ?? 0;
    if (rows === undefined) continue;
    for (let row = 0; row < high; row++) {
      const start = plane * width * height + (top + row) * width + left;
      for (let column = 0; column < wide; column++)
        data[start + column] = (rows[row * stride + column] ?? 0) / 255;
    }
  }
  return { data, placed: { scale, left, top, width: picture.width, height: picture.height } };
}
