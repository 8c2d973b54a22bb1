/** What looks for objects in the pictures of a camera. JSON. */
export type DetectorSettings = MotionSettings | OnnxSettings;

/** Difference between pictures: no model, no dependency. Its class is `motion`. */
export interface MotionSettings {
  readonly kind: 'motion';
  /** Pictures a second that are looked at. */
  readonly fps: number;
  /** Share of brightness (0 to 1) by which a place must differ. */
  readonly threshold: number;
  /** Share of the looked-at area (0 to 1) that must differ to be told at all. */
  readonly area: number;
  /** Polygons, in shares of width and height (0 to 1): only inside of these, if there are any … */
  readonly zones: readonly Polygon[];
  /** … and never inside of these. */
  readonly masks: readonly Polygon[];
}

export type Polygon = readonly (readonly [x: number, y: number])[];

/** A model of the YOLO family, run by ONNX Runtime. */
export interface OnnxSettings {
  readonly kind: 'onnx';
  readonly fps: number;
  /** Absolute path of the model; was checked to be under a configured folder. */
  readonly model: string;
  /** By class number. */
  readonly labels: readonly string[];
  /** Least confidence, 0 to 1. */
  readonly confidence: number;
  /** Boxes of one class that overlap by more (intersection over union, 0 to 1) are one. */
  readonly overlap: number;
  readonly zones: readonly Polygon[];
  readonly masks: readonly Polygon[];
}

/** What was found in one picture. */
export interface Detected {
  /** The picture's number, time and size, of whose pixels the boxes are: only delivered pictures are looked at. */
  readonly number: number;
  readonly time: number;
  readonly width: number;
  readonly height: number;
  readonly objects: readonly DetectedObject[];
}

export interface DetectedObject {
  readonly class: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** Left, top, width, height: pixels of the picture, inside of it. */
  readonly bbox: readonly [x: number, y: number, width: number, height: number];
}
