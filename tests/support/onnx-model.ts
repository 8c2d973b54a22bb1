/** A number is a varint, bytes are length-delimited: a field of a protobuf message. */
type Field = readonly [number: number, value: number | Buffer | string];

/** A message of protobuf. */
function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8), varint(value)];
      const bytes = Buffer.from(value);
      return [varint(number * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

function floats(name: string, shape: readonly number[], data: readonly number[]): Buffer {
  const raw = Buffer.from(Float32Array.from(data).buffer);
  return message(...shape.map((one): Field => [1, one]), [2, FLOAT], [8, name], [9, raw]);
}

function integers(name: string, data: readonly number[]): Buffer {
  const raw = Buffer.from(BigInt64Array.from(data.map(BigInt)).buffer);
  return message([1, data.length], [2, INT64], [8, name], [9, raw]);
}

function value(name: string, shape: readonly (number | string)[]): Buffer {
  const dims = shape.map(
    (one): Field => [1, typeof one === 'number' ? message([1, one]) : message([2, one])],
  );
  return message([1, name], [2, message([1, message([1, FLOAT], [2, message(...dims)])])]);
}

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Buffer {
  const all = Object.entries(attributes).map(([name, given]): Field => {
    const values: readonly Field[] =
      typeof given === 'number'
        ? [
            [3, given],
            [20, ATTRIBUTE_INT],
          ]
        : [...given.map((one): Field => [8, one]), [20, ATTRIBUTE_INTS]];
    return [5, message([1, name], ...values)];
  });
  return message(...inputs.map((one): Field => [1, one]), [2, output], [4, operator], ...all);
}

/** Pixels of a side of the model's picture, and of its cells. */
const SIDE = 64;
const CELL = 8;
const CELLS = SIDE / CELL;

export interface ColourModel {
  readonly answer: 'v5' | 'v8' | 'grid';
  /** Side of its boxes, pixels of its picture. */
  readonly box?: number;
  /** Other than a picture of 64 by 64. */
  readonly input?: readonly (number | string)[];
}

/**
 * An ONNX model that finds colours: of each of 8 by 8 cells it says how red and how blue it is, beyond its green, and a
 * box around its middle. In the shape of YOLOv5 or YOLOv8, or as a grid, which is neither. Labels: red, blue.
 */
export function colourModel({ answer, box = CELL, input = [1, 3, SIDE, SIDE] }: ColourModel): Buffer {
  const share = 1 / CELL ** 2;
  const plane = (weight: number): number[] => Array<number>(CELL ** 2).fill(weight * share);
  const weights = [plane(1), plane(-1), plane(0), plane(0), plane(-1), plane(1)].flat();
  const count = CELLS ** 2;
  const cells = Array.from({ length: count }, (_, index) => index);
  const boxes = [
    ...cells.map((cell) => (cell % CELLS) * CELL + CELL / 2),
    ...cells.map((cell) => Math.floor(cell / CELLS) * CELL + CELL / 2),
    ...cells.map(() => box),
    ...cells.map(() => box),
    ...(answer === 'v5' ? cells.map(() => 1) : []),
  ];
  const fixed = answer === 'v5' ? 5 : 4;
  const nodes = [
    node('Conv', ['images', 'weights'], answer === 'grid' ? 'answer' : 'grid', {
      kernel_shape: [CELL, CELL],
      strides: [CELL, CELL],
    }),
    ...(answer === 'grid'
      ? []
      : [
          node('Reshape', ['grid', 'flat'], 'scores'),
          node('Concat', ['boxes', 'scores'], answer === 'v5' ? 'columns' : 'answer', { axis: 1 }),
        ]),
    ...(answer === 'v5' ? [node('Transpose', ['columns'], 'answer', { perm: [0, 2, 1] })] : []),
  ];
  const shape = {
    v5: [1, count, fixed + 2],
    v8: [1, fixed + 2, count],
    grid: [1, 2, CELLS, CELLS],
  }[answer];
  const constants = [
    floats('weights', [2, 3, CELL, CELL], weights),
    ...(answer === 'grid'
      ? []
      : [integers('flat', [1, 2, count]), floats('boxes', [1, fixed, count], boxes)]),
  ];
  const graph = message(
    ...nodes.map((one): Field => [1, one]),
    [2, 'colours'],
    ...constants.map((one): Field => [5, one]),
    [11, value('images', input)],
    [12, value('answer', shape)],
  );
  return message([1, 8], [7, graph], [8, message([1, ''], [2, 13])]);
}
