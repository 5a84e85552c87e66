// TensorFlow Serving's classify and regress: examples in, `[[label, score], …]` or a number out for each.

import { ServingError } from "../serving/errors.ts";
import type { Signature, Signatures } from "../serving/signature.ts";
import { dtypes, elementsOf, type Tensor } from "../tensors/dtype.ts";
import type { Json, JsonObject } from "../tensors/json-reader.ts";
import { writeElement } from "../tensors/json-writer.ts";
import { readTensor, TensorError } from "../tensors/tensor-reader.ts";
import { reading } from "./backend.ts";
import { objectOf, signatureOf } from "./predict.ts";

export interface ExampleRequest {
  signature: Signature;
  inputs: Record<string, Tensor>;
}

/** Features of `context` stand for those that an example lacks. */
export function readExamples(body: Json, signatures: Signatures, method: "classify" | "regress"): ExampleRequest {
  const object = objectOf(body);
  const signature = signatureOf(object, signatures);
  const fits = signature.method === method || (method === "classify" && signature.classLabels !== undefined);
  if (!fits) {
    const problem = `Expected ${method} signature; "${signature.name}" is for ${signature.method}`;
    throw new ServingError("FAILED_PRECONDITION", problem);
  }
  return reading(signature, () => {
    const examples = object.get("examples");
    if (!Array.isArray(examples) || examples.length === 0)
      throw new TensorError("examples: expected a list of at least one");
    const context = object.get("context") ?? new Map<string, Json>();
    if (!(context instanceof Map)) throw new TensorError("context: expected an object");
    const rows = examples.map((example, i) => {
      if (!(example instanceof Map)) throw new TensorError(`examples[${i}]: expected an object of features`);
      return new Map([...context, ...example]);
    });
    const columns = signature.inputs.map((input) => {
      const locate = ([row, ...rest]: readonly number[]) =>
        `examples${row === undefined ? "" : `[${row}]`}.${input.name}${rest.map((i) => `[${i}]`).join("")}`;
      const column = rows.map((row, i) => feature(row, input.name, input.nullable, locate([i])));
      return [input.name, readTensor(column, input, locate)] as const;
    });
    return { signature, inputs: Object.fromEntries(columns) };
  });
}

/** A feature is a list; a single value stands for a list of one. */
function feature(row: JsonObject, name: string, nullable: boolean | undefined, path: string): Json {
  const value = row.get(name);
  if (value === undefined && !nullable) throw new TensorError(`${path}: missing`);
  return Array.isArray(value) ? value : [value ?? null];
}

export function writeClassify({ signature }: ExampleRequest, tensors: Record<string, Tensor>): string {
  const { classLabels } = signature;
  const scores = floats(signature, tensors);
  const rows = scores.shape[0] ?? 0;
  const width = elementsOf(scores.shape.slice(1));
  const classes = signature.outputs
    .map(({ name }) => tensors[name] as Tensor)
    .find(({ dtype, data }) => dtype === "string" && data.length === rows * width);
  const label = (row: number, i: number) => {
    if (classLabels) return JSON.stringify(classLabels[i] ?? "");
    return classes ? writeElement(classes, row * width + i) : '""';
  };
  const results = Array.from({ length: rows }, (_, row) => {
    const pairs = Array.from(
      { length: width },
      (_, i) => `[${label(row, i)}, ${writeElement(scores, row * width + i)}]`,
    );
    return `[${pairs.join(", ")}]`;
  });
  return `{"results": [${results.join(", ")}]}`;
}

export function writeRegress({ signature }: ExampleRequest, tensors: Record<string, Tensor>): string {
  const values = floats(signature, tensors);
  if (elementsOf(values.shape) !== (values.shape[0] ?? 0)) {
    throw new ServingError(
      "INVALID_ARGUMENT",
      `the output has the shape [${values.shape.join(",")}]: one number a row is needed`,
    );
  }
  const results = Array.from({ length: values.data.length }, (_, i) => writeElement(values, i));
  return `{"results": [${results.join(", ")}]}`;
}

function floats(signature: Signature, tensors: Record<string, Tensor>): Tensor {
  const found = signature.outputs
    .map(({ name }) => tensors[name] as Tensor)
    .find(({ dtype }) => dtypes[dtype].kind === "float");
  if (found) return found;
  throw new ServingError("FAILED_PRECONDITION", `the signature "${signature.name}" has no output of floats`);
}
