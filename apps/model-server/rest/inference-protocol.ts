// The Open Inference Protocol v2 over REST, under /v2. Binary tensor data is refused by name.
import { defaultSignature } from "@capstan/api/kinds/model-signature";
import { nearest } from "@capstan/base/errors";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { ServingError } from "../serving/errors.ts";
import type { Servable } from "../serving/model-manager.ts";
import type { Signature, TensorSpec } from "../serving/signature.ts";
import { type DtypeInfo, dtypes, type Tensor } from "../tensors/dtype.ts";
import { type Json, type JsonObject, parseJson } from "../tensors/json-reader.ts";
import { writeFlat } from "../tensors/json-writer.ts";
import { readFlat, TensorError } from "../tensors/tensor-reader.ts";
import { type Backend, checkBatch, findServable, reading, runSignature } from "./backend.ts";
import { objectOf } from "./predict.ts";
import { answer, decodeName, textOf } from "./text.ts";

const modelPath = /^\/v2\/models\/([^/]+)(?:\/versions\/(\d+))?(?:\/(ready|infer))?$/;

export interface Health {
  /** False while the server drains or has no model. */
  ready(): boolean;
}

/** Answers, or throws ServingError. */
export async function serveInference(
  backend: Backend,
  health: Health,
  request: HttpRequest,
  path: string,
): Promise<HttpResponse> {
  const { method } = request;
  if (method === "GET") {
    if (path === "/v2" || path === "/v2/") {
      return answer(JSON.stringify({ name: "capstan-model-server", version: backend.serverVersion, extensions: [] }));
    }
    if (path === "/v2/health/live") return answer('{"live": true}');
    if (path === "/v2/health/ready") return answer(`{"ready": ${health.ready()}}`, health.ready() ? 200 : 503);
  }
  const match = modelPath.exec(path);
  const [, name = "", version, verb] = match ?? [];
  if (!match || method !== (verb === "infer" ? "POST" : "GET")) {
    throw new ServingError("NOT_FOUND", `no such endpoint: ${method} ${path}`);
  }
  const model = decodeName(name);
  const number = version === undefined ? undefined : Number(version);
  if (verb === "ready") {
    const ready = model === backend.manager.name && backend.manager.find(number) !== undefined;
    return answer(`{"name": ${JSON.stringify(model)}, "ready": ${ready}}`, ready ? 200 : 503);
  }
  const servable = findServable(backend, model, number);
  return verb === "infer" ? infer(backend, servable, request) : answer(describe(model, servable));
}

function signatureOf(servable: Servable): Signature {
  const { signatures } = servable;
  return (signatures[defaultSignature] ?? Object.values(signatures)[0]) as Signature;
}

function describe(name: string, servable: Servable): string {
  const { inputs, outputs } = signatureOf(servable);
  const tensors = (specs: TensorSpec[]) =>
    specs.map((spec) => ({ name: spec.name, datatype: dtypes[spec.dtype].oip, shape: spec.shape }));
  return JSON.stringify({
    name,
    versions: [String(servable.version)],
    platform: "onnxruntime_onnx",
    inputs: tensors(inputs),
    outputs: tensors(outputs),
  });
}

async function infer(backend: Backend, servable: Servable, request: HttpRequest): Promise<HttpResponse> {
  if (request.headers["inference-header-content-length"] !== undefined) {
    throw new ServingError(
      "UNIMPLEMENTED",
      "Inference-Header-Content-Length: binary tensor data is not supported, send JSON",
    );
  }
  const text = await textOf(request);
  const signature = signatureOf(servable);
  const { inputs, outputs, id } = reading(signature, () => readInfer(objectOf(parseJson(text)), signature));
  const tensors = await runSignature(backend, servable, { signature, inputs, outputs });
  const written = outputs.map((name) => {
    const tensor = tensors[name] as Tensor;
    const datatype = dtypes[tensor.dtype].oip;
    return `{"name": ${JSON.stringify(name)}, "shape": [${tensor.shape.join(", ")}], "datatype": "${datatype}", "data": ${writeFlat(tensor)}}`;
  });
  const head = `"model_name": ${JSON.stringify(backend.manager.name)}, "model_version": "${servable.version}"`;
  const echo = id === undefined ? "" : `, "id": ${JSON.stringify(id)}`;
  return answer(`{${head}${echo}, "outputs": [${written.join(", ")}]}`);
}

interface InferRequest {
  id: string | undefined;
  inputs: Record<string, Tensor>;
  outputs: string[];
}

function readInfer(body: JsonObject, signature: Signature): InferRequest {
  const id = body.get("id");
  if (id !== undefined && typeof id !== "string") throw new TensorError("id: expected a string");
  const list = body.get("inputs");
  if (!Array.isArray(list)) throw new TensorError("inputs: expected a list of tensors");
  const inputs: Record<string, Tensor> = {};
  list.forEach((item, i) => {
    const { name, tensor } = readInput(item, `inputs[${i}]`, signature);
    if (Object.hasOwn(inputs, name)) throw new TensorError(`inputs[${i}].name: "${name}" stands twice`);
    inputs[name] = tensor;
  });
  const absent = signature.inputs.find(({ name }) => !Object.hasOwn(inputs, name));
  if (absent) throw new TensorError(`inputs: "${absent.name}" is missing`);
  checkBatch(signature, inputs);
  return { id, inputs, outputs: readOutputs(body.get("outputs"), signature) };
}

function readInput(item: Json, path: string, signature: Signature): { name: string; tensor: Tensor } {
  if (!(item instanceof Map)) throw new TensorError(`${path}: expected an object`);
  const name = item.get("name");
  const spec = signature.inputs.find((input) => input.name === name);
  if (typeof name !== "string" || !spec) {
    const near =
      typeof name === "string" &&
      nearest(
        name,
        signature.inputs.map((input) => input.name),
      );
    throw new TensorError(`${path}.name: no such input${near ? `; did you mean "${near}"?` : ""}`);
  }
  const { oip }: DtypeInfo = dtypes[spec.dtype];
  if (item.get("datatype") !== oip) throw new TensorError(`${path}.datatype: expected "${oip}"`);
  const shape = item.get("shape");
  const sized =
    Array.isArray(shape) && shape.every((size) => typeof size === "number" && Number.isInteger(size) && size >= 0);
  if (!sized) throw new TensorError(`${path}.shape: expected a list of sizes`);
  const locate = (indices: readonly number[]) => `${path}.data${indices.map((i) => `[${i}]`).join("")}`;
  return { name, tensor: readFlat(item.get("data") ?? null, shape as number[], spec, locate) };
}

function readOutputs(list: Json | undefined, { outputs }: Signature): string[] {
  if (list === undefined || (Array.isArray(list) && list.length === 0)) return outputs.map(({ name }) => name);
  if (!Array.isArray(list)) throw new TensorError("outputs: expected a list");
  return list.map((item, i) => {
    const name = item instanceof Map ? item.get("name") : undefined;
    const parameters = item instanceof Map ? item.get("parameters") : undefined;
    if (parameters instanceof Map && parameters.get("binary_data") === true) {
      throw new TensorError(`outputs[${i}].parameters.binary_data: not supported, leave it out`);
    }
    if (outputs.some((output) => output.name === name)) return name as string;
    throw new TensorError(`outputs[${i}].name: expected one of ${outputs.map((output) => output.name).join(", ")}`);
  });
}
