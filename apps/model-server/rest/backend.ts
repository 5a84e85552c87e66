// What the REST protocols share: finding a version, running it in time, and turning problems into their errors.
import { messageOf } from "@capstan/base/errors";
import { ServingError } from "../serving/errors.ts";
import type { Metrics } from "../serving/metrics.ts";
import type { ModelManager, Servable } from "../serving/model-manager.ts";
import type { RunResult, SessionPool } from "../serving/session-pool.ts";
import { describeInputs, type Signature } from "../serving/signature.ts";
import type { Tensor } from "../tensors/dtype.ts";
import { JsonError } from "../tensors/json-reader.ts";
import { TensorError } from "../tensors/tensor-reader.ts";

export interface Backend {
  manager: ModelManager;
  pool: SessionPool;
  metrics: Metrics;
  /** Milliseconds until a request is answered DEADLINE_EXCEEDED. */
  timeout: number;
  /** The server's own, as the protocols report it. */
  serverVersion: string;
}

/** Throws NOT_FOUND in TensorFlow Serving's words. */
export function findServable({ manager }: Backend, model: string, version: number | undefined): Servable {
  const servable = model === manager.name ? manager.find(version) : undefined;
  if (servable) return servable;
  const wanted = version === undefined ? `Latest(${model})` : `Specific(${model}, ${version})`;
  const failure = manager
    .statuses()
    .find((status) => status.code !== "OK" && (version ?? status.version) === status.version);
  const why = model === manager.name && failure ? `; version ${failure.version}: ${failure.message}` : "";
  throw new ServingError("NOT_FOUND", `Servable not found for request: ${wanted}${why}`);
}

/** Runs a signature's outputs, or those named. */
export async function runSignature(
  backend: Backend,
  servable: Servable,
  { signature, inputs, outputs }: { signature: Signature; inputs: Record<string, Tensor>; outputs?: string[] },
): Promise<Record<string, Tensor>> {
  const names = outputs ?? signature.outputs.map(({ name }) => name);
  const running = backend.pool.run(servable.key, inputs, names);
  const { tensors, micros } = await inTime(running, backend.timeout).catch((cause) => {
    if (cause instanceof ServingError) throw cause;
    // What the runtime refuses at this point is the request's doing: sizes that do not go together.
    throw new ServingError("INVALID_ARGUMENT", `${messageOf(cause)}. ${describeInputs(signature)}`);
  });
  backend.metrics.run(backend.manager.name, micros);
  return tensors;
}

async function inTime(running: Promise<RunResult>, timeout: number): Promise<RunResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new ServingError("DEADLINE_EXCEEDED", `the model did not answer within ${timeout} ms`));
    }, timeout);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Calls `read`; what it finds wrong is an INVALID_ARGUMENT that names the signature. */
export function reading<T>(signature: Signature | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TensorError || error instanceof JsonError)) throw error;
    const expected = signature ? `. ${describeInputs(signature)}` : "";
    throw new ServingError("INVALID_ARGUMENT", `${error.message}${expected}`);
  }
}

/** Inputs whose first dimension is the batch must agree on it. */
export function checkBatch(signature: Signature, inputs: Record<string, Tensor>): void {
  let first: { name: string; size: number } | undefined;
  for (const { name, shape } of signature.inputs) {
    const size = inputs[name]?.shape[0];
    if (shape[0] !== -1 || size === undefined) continue;
    first ??= { name, size };
    if (size !== first.size) {
      throw new TensorError(`"${name}" has ${size} rows, "${first.name}" has ${first.size}`);
    }
  }
}
