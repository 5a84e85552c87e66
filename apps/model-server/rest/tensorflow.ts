// TensorFlow Serving's REST API under /v1.
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { ServingError } from "../serving/errors.ts";
import { parseJson } from "../tensors/json-reader.ts";
import { type Backend, findServable, reading, runSignature } from "./backend.ts";
import { readExamples, writeClassify, writeRegress } from "./examples.ts";
import { writeMetadata, writeStatus } from "./metadata.ts";
import { readPredict, writePredict } from "./predict.ts";
import { answer, decodeName, textOf } from "./text.ts";

// Source: the patterns of tensorflow_serving/model_servers/http_rest_api_handler.cc; verbs in any case.
const actionPath = /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?:(predict|classify|regress)$/i;
const queryPath = /^\/v1\/models(?:\/([^/:]+))?(?:\/versions\/(\d+)|\/labels\/([^/:]+))?(?:\/(metadata))?$/i;

/** Answers, or throws ServingError. */
export async function serveTensorFlow(backend: Backend, request: HttpRequest, path: string): Promise<HttpResponse> {
  const action = request.method === "POST" ? actionPath.exec(path) : null;
  if (action) {
    const [, name = "", version, label, verb = ""] = action;
    if (label !== undefined) {
      throw new ServingError("INVALID_ARGUMENT", `Unrecognized servable version label: ${decodeName(label)}`);
    }
    return act(backend, request, { model: decodeName(name), version: numberOf(version), verb: verb.toLowerCase() });
  }
  const query = request.method === "GET" ? queryPath.exec(path) : null;
  if (!query) throw new ServingError("INVALID_ARGUMENT", `Malformed request: ${request.method} ${path}`);
  const [, name, version, , metadata] = query;
  if (name === undefined) throw new ServingError("INVALID_ARGUMENT", "Missing model name in request.");
  if (metadata)
    return answer(writeMetadata(decodeName(name), findServable(backend, decodeName(name), numberOf(version))));
  return status(backend, decodeName(name), numberOf(version));
}

async function act(
  backend: Backend,
  request: HttpRequest,
  { model, version, verb }: { model: string; version: number | undefined; verb: string },
): Promise<HttpResponse> {
  const servable = findServable(backend, model, version);
  const { signatures } = servable;
  const text = await textOf(request);
  const body = reading(Object.values(signatures)[0], () => parseJson(text));
  if (verb === "predict") {
    const predict = readPredict(body, signatures);
    return answer(writePredict(predict, await runSignature(backend, servable, predict)));
  }
  const method = verb === "classify" ? "classify" : "regress";
  const examples = readExamples(body, signatures, method);
  const tensors = await runSignature(backend, servable, examples);
  return answer(method === "classify" ? writeClassify(examples, tensors) : writeRegress(examples, tensors));
}

function status({ manager }: Backend, model: string, version: number | undefined): HttpResponse {
  const known = model === manager.name ? manager.statuses() : [];
  const statuses = known.filter((entry) => version === undefined || entry.version === version);
  if (statuses.length > 0) return answer(writeStatus(statuses));
  const what = version === undefined ? `any versions of model ${model}` : `version ${version} of model ${model}`;
  throw new ServingError("NOT_FOUND", `Could not find ${what}`);
}

function numberOf(version: string | undefined): number | undefined {
  if (version === undefined) return undefined;
  const number = Number(version);
  if (Number.isSafeInteger(number)) return number;
  throw new ServingError("INVALID_ARGUMENT", `Failed to convert version: ${version} to numeric.`);
}
