/** What is used of ONNX Runtime. Its package is there only where somebody installed it, so its types are said here. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(path: string, options: object): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OnnxTensor;
}

export interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly OnnxValue[];
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
}

export interface OnnxValue {
  readonly isTensor: boolean;
  readonly type?: string;
  /** A name, or -1, where the model takes any. */
  readonly shape?: readonly (number | string)[];
}

export interface OnnxTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** The package; undefined if it is not there. */
export async function loadOnnxRuntime(): Promise<OnnxRuntime | undefined> {
  const name: string = 'onnxruntime-node';
  try {
    const loaded = (await import(name)) as OnnxRuntime & { readonly default?: OnnxRuntime };
    return loaded.default ?? loaded;
  } catch {
    return undefined;
  }
}
