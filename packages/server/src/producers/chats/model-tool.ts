import { z } from 'zod';

/** What a model may call while it answers. */
export interface ModelTool {
  readonly description: string;
  /** JSON Schema of its input. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Calls it with what the model gave. Rejects with a sentence for the model; also for an input of another shape. */
  call(input: unknown): Promise<unknown>;
}

/** By name. */
export type ModelTools = Readonly<Record<string, ModelTool>>;

/** A tool whose input is checked. The schema of one input is made once. */
export function modelTool<Input>(
  description: string,
  input: z.ZodType<Input>,
  call: (input: Input) => Promise<unknown>,
): ModelTool {
  return {
    description,
    schema: schemaOf(input),
    async call(given) {
      const read = input.safeParse(given);
      if (!read.success) throw new Error(`The input is wrong: ${z.prettifyError(read.error)}`);
      return call(read.data);
    },
  };
}

const schemas = new WeakMap<z.ZodType, Readonly<Record<string, unknown>>>();

function schemaOf(input: z.ZodType): Readonly<Record<string, unknown>> {
  let schema = schemas.get(input);
  if (schema === undefined) {
    schema = z.toJSONSchema(input);
    schemas.set(input, schema);
  }
  return schema;
}
