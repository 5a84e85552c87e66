// The bodies of TensorFlow Serving's predict: `instances` by row or `inputs` by column, and the same ways back.
import { defaultSignature } from "@capstan/api/kinds/model-signature";
import { nearest } from "@capstan/base/errors";
import { ServingError } from "../serving/errors.ts";
import type { Signature, Signatures, TensorSpec } from "../serving/signature.ts";
import type { Tensor } from "../tensors/dtype.ts";
import type { Json, JsonObject } from "../tensors/json-reader.ts";
import { writeRow, writeTensor } from "../tensors/json-writer.ts";
import { readTensor, TensorError } from "../tensors/tensor-reader.ts";
import { checkBatch, reading } from "./backend.ts";

export interface PredictRequest {
  signature: Signature;
  format: "row" | "columnar";
  inputs: Record<string, Tensor>;
}

export function objectOf(body: Json): JsonObject {
  if (body instanceof Map) return body;
  throw new ServingError("INVALID_ARGUMENT", "the body must be a JSON object");
}

/** The signature that the body names. */
export function signatureOf(body: JsonObject, signatures: Signatures): Signature {
  const name = body.get("signature_name") ?? "";
  if (typeof name !== "string") throw new ServingError("INVALID_ARGUMENT", "signature_name: expected a string");
  const key = name === "" ? defaultSignature : name;
  if (Object.hasOwn(signatures, key)) return signatures[key] as Signature;
  const have = Object.keys(signatures).join(", ");
  throw new ServingError("FAILED_PRECONDITION", `Serving signature key "${key}" not found. The model has: ${have}`);
}

export function readPredict(body: Json, signatures: Signatures): PredictRequest {
  const object = objectOf(body);
  const signature = signatureOf(object, signatures);
  return reading(signature, () => {
    const row = object.has("instances");
    if (row === object.has("inputs"))
      throw new TensorError('give exactly one of "instances" (rows) and "inputs" (columns)');
    const inputs = row
      ? readRows(object.get("instances") as Json, signature)
      : readColumns(object.get("inputs") as Json, signature);
    checkBatch(signature, inputs);
    return { signature, format: row ? "row" : "columnar", inputs };
  });
}

const isBytes = (value: Json) => value instanceof Map && value.size === 1 && value.has("b64");

function readRows(instances: Json, { inputs }: Signature): Record<string, Tensor> {
  if (!Array.isArray(instances)) throw new TensorError("instances: expected a list of rows");
  if (instances.length === 0) throw new TensorError("instances: at least one row is needed");
  const [only] = inputs;
  const named = instances[0] instanceof Map && !isBytes(instances[0]);
  if (!named) {
    if (inputs.length > 1 || !only)
      throw new TensorError("instances[0]: expected an object with a value for each input");
    return { [only.name]: readTensor(instances, only, at("instances", "")) };
  }
  instances.forEach((row, i) => {
    if (!(row instanceof Map)) throw new TensorError(`instances[${i}]: expected an object, as the ones before`);
    checkKeys(row, inputs, `instances[${i}]`);
  });
  return Object.fromEntries(
    inputs.map((input) => {
      const column = (instances as JsonObject[]).map((row) => row.get(input.name) as Json);
      return [input.name, readTensor(column, input, at("instances", `.${input.name}`))];
    }),
  );
}

/** `instances[2].x[0]`: the first index is the row's, the others follow the name. */
function at(list: string, name: string) {
  return (indices: readonly number[]) => {
    const [row, ...inner] = indices.map((i) => `[${i}]`);
    return `${list}${row ?? ""}${name}${inner.join("")}`;
  };
}

function readColumns(value: Json, { inputs }: Signature): Record<string, Tensor> {
  const [only] = inputs;
  if (!(value instanceof Map) || (isBytes(value) && !inputs.some(({ name }) => name === "b64"))) {
    if (inputs.length > 1 || !only) throw new TensorError("inputs: expected an object with a list for each input");
    return { [only.name]: readTensor(value, only, at("inputs", "")) };
  }
  checkKeys(value, inputs, "inputs");
  return Object.fromEntries(
    inputs.map((input) => {
      const locate = (indices: readonly number[]) => `inputs.${input.name}${indices.map((i) => `[${i}]`).join("")}`;
      return [input.name, readTensor(value.get(input.name) as Json, input, locate)];
    }),
  );
}

function checkKeys(object: JsonObject, inputs: TensorSpec[], path: string): void {
  const absent = inputs.find(({ name }) => !object.has(name));
  const unknown = object.size + (absent ? 1 : 0) > inputs.length && unknownKey(object, inputs);
  if (unknown) {
    const near = nearest(
      unknown,
      inputs.map(({ name }) => name),
    );
    throw new TensorError(`${path}.${unknown}: no such input${near ? `; did you mean "${near}"?` : ""}`);
  }
  if (absent)
    throw new TensorError(`${path}.${absent.name}: missing${absent.nullable ? " (null stands for no value)" : ""}`);
}

function unknownKey(object: JsonObject, inputs: TensorSpec[]): string | undefined {
  return [...object.keys()].find((key) => !inputs.some(({ name }) => name === key));
}

const asBytes = (name: string) => name.endsWith("_bytes");

/** The answer, in the format of the request. */
export function writePredict({ format, signature }: PredictRequest, tensors: Record<string, Tensor>): string {
  const outputs = signature.outputs.map(({ name }) => ({ name, tensor: tensors[name] as Tensor }));
  const [only] = outputs;
  if (format === "columnar") {
    if (outputs.length === 1 && only) return `{"outputs": ${writeTensor(only.tensor, asBytes(only.name))}}`;
    const fields = outputs.map(({ name, tensor }) => `${JSON.stringify(name)}: ${writeTensor(tensor, asBytes(name))}`);
    return `{"outputs": {${fields.join(", ")}}}`;
  }
  const rows = only?.tensor.shape[0];
  for (const { name, tensor } of outputs) {
    if (tensor.shape[0] === undefined || tensor.shape[0] !== rows) {
      const problem = tensor.shape[0] === undefined ? "is a scalar" : `has ${tensor.shape[0]} rows, others ${rows}`;
      throw new ServingError(
        "INVALID_ARGUMENT",
        `the output "${name}" ${problem}: use "inputs" instead of "instances"`,
      );
    }
  }
  const parts = new Array<string>(rows ?? 0);
  const keys = outputs.map(({ name }) => JSON.stringify(name));
  for (let row = 0; row < parts.length; row++) {
    const fields = outputs.map(({ name, tensor }) => writeRow(tensor, row, asBytes(name)));
    parts[row] =
      outputs.length === 1 ? (fields[0] as string) : `{${fields.map((field, i) => `${keys[i]}: ${field}`).join(", ")}}`;
  }
  return `{"predictions": [${parts.join(", ")}]}`;
}
