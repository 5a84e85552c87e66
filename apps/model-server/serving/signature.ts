// What a model takes and gives: from the signature document beside it, else from the graph itself.
import {
  defaultSignature,
  type ModelSignature,
  modelSignatureSchema,
  type SignatureMethod,
  type TensorSignature,
} from "@capstan/api/kinds/model-signature";
import { type Dtype, dtypes, isDtype } from "../tensors/dtype.ts";

export interface TensorSpec extends Omit<TensorSignature, "dtype"> {
  dtype: Dtype;
}

export interface Signature {
  name: string;
  method: SignatureMethod;
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  classLabels?: string[];
}

export type Signatures = Record<string, Signature>;

/** A tensor of the graph, as the runtime reports it; a dimension that is not fixed is -1. */
export interface GraphTensor {
  name: string;
  dtype: string;
  shape: number[];
}

export interface Graph {
  inputs: GraphTensor[];
  outputs: GraphTensor[];
}

/** The model cannot be served as it is; the message says which part is wrong. */
export class SignatureError extends Error {
  override readonly name = "SignatureError";
}

/** One signature, `serving_default`, that takes every input and gives every output. */
export function signaturesOfGraph(graph: Graph): Signatures {
  const specs = (tensors: GraphTensor[]) =>
    tensors.map(({ name, dtype, shape }) => ({ name, dtype: known(name, dtype), shape }));
  const inputs = specs(graph.inputs);
  return { [defaultSignature]: { name: defaultSignature, method: "predict", inputs, outputs: specs(graph.outputs) } };
}

/** Reads a signature document and checks it against the graph: names and element types must be the graph's. */
export function signaturesOfDocument(text: string, graph: Graph): Signatures {
  const document = parse(text);
  const signatures: Signatures = Object.create(null);
  for (const [name, signature] of Object.entries(document.signatures)) {
    const path = `signatures.${name}`;
    check(signature.inputs?.length > 0, `${path}.inputs`, "at least one input is needed");
    check(signature.outputs?.length > 0, `${path}.outputs`, "at least one output is needed");
    const methods = modelSignatureSchema.properties.signatures.additionalProperties.properties.method_name.enum;
    check(methods.includes(signature.method_name), `${path}.method_name`, `expected one of ${methods.join(", ")}`);
    signatures[name] = {
      name,
      method: signature.method_name,
      inputs: signature.inputs.map((spec, i) => specOf(spec, graph.inputs, `${path}.inputs[${i}]`)),
      outputs: signature.outputs.map((spec, i) => specOf(spec, graph.outputs, `${path}.outputs[${i}]`)),
      ...(signature.classLabels ? { classLabels: signature.classLabels } : {}),
    };
    const given = new Set(signature.inputs.map((spec) => spec.name));
    const missing = graph.inputs.find((tensor) => !given.has(tensor.name));
    check(!missing, `${path}.inputs`, `the graph also needs "${missing?.name}"`);
  }
  check(Object.keys(signatures).length > 0, "signatures", "at least one signature is needed");
  return signatures;
}

function parse(text: string): ModelSignature {
  let document: ModelSignature;
  try {
    document = JSON.parse(text) as ModelSignature;
  } catch (cause) {
    throw new SignatureError(`the signature document is not JSON: ${(cause as Error).message}`);
  }
  check(document?.version === 1, "version", "expected 1");
  check(typeof document.signatures === "object" && document.signatures !== null, "signatures", "expected an object");
  return document;
}

function specOf(spec: TensorSignature, tensors: GraphTensor[], path: string): TensorSpec {
  const tensor = tensors.find(({ name }) => name === spec.name);
  check(tensor !== undefined, `${path}.name`, `the graph has no tensor "${spec.name}"`);
  check(
    spec.dtype === tensor?.dtype,
    `${path}.dtype`,
    `the graph's "${spec.name}" is ${tensor?.dtype}, not ${spec.dtype}`,
  );
  const shaped = Array.isArray(spec.shape) && spec.shape.every((size) => Number.isInteger(size) && size >= -1);
  check(shaped, `${path}.shape`, "expected a list of sizes, -1 where any size goes");
  const rank = tensor?.shape.length;
  check(spec.shape.length === rank, `${path}.shape`, `the graph's "${spec.name}" has ${rank} dimensions`);
  return { ...spec, dtype: known(spec.name, spec.dtype) };
}

function known(name: string, dtype: string): Dtype {
  if (!isDtype(dtype))
    throw new SignatureError(`"${name}" has the element type ${dtype}; served are ${Object.keys(dtypes).join(", ")}`);
  return dtype;
}

function check(holds: boolean, path: string, problem: string): void {
  if (!holds) throw new SignatureError(`signature document, ${path}: ${problem}`);
}

/** One line that tells a caller what to send, such as `island: string[-1,1] or null, year: float32[-1,1]`. */
export function describeInputs(signature: Signature): string {
  const inputs = signature.inputs.map(
    ({ name, dtype, shape, nullable }) => `${name}: ${dtype}[${shape.join(",")}]${nullable ? " or null" : ""}`,
  );
  return `Signature "${signature.name}" expects ${inputs.join(", ")}`;
}
