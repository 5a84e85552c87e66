// A worker thread that holds ONNX Runtime sessions: a run blocks its thread, so it must not be the one that serves HTTP.
import { parentPort } from "node:worker_threads";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Dtype, Tensor, TensorData } from "../tensors/dtype.ts";
import type { Answer, Task } from "./session-pool.ts";
import type { GraphTensor } from "./signature.ts";

const sessions = new Map<string, InferenceSession>();

async function load(key: string, path: string, threads: number) {
  const session = await InferenceSession.create(path, {
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // The arena keeps the largest batch's memory for ever; spinning threads burn a core while idle.
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
  });
  sessions.set(key, session);
  return { inputs: session.inputMetadata.map(graphTensor), outputs: session.outputMetadata.map(graphTensor) };
}

function graphTensor(value: InferenceSession.ValueMetadata): GraphTensor {
  if (!value.isTensor) return { name: value.name, dtype: "sequence or map", shape: [] };
  return {
    name: value.name,
    dtype: value.type,
    shape: value.shape.map((size) => (typeof size === "number" ? size : -1)),
  };
}

async function run(key: string, inputs: Record<string, Tensor>, outputs: string[]) {
  const session = sessions.get(key);
  if (!session) throw new Error(`no session ${key} in this worker`);
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, { dtype, data, shape }] of Object.entries(inputs)) {
    feeds[name] = new OrtTensor(dtype as "float32", data as Float32Array, shape);
  }
  const start = process.hrtime.bigint();
  const fetched = await session.run(feeds, outputs);
  const micros = Number(process.hrtime.bigint() - start) / 1000;
  const tensors: Record<string, Tensor> = {};
  for (const name of outputs) {
    const { type, dims, data } = fetched[name] as OrtTensor;
    tensors[name] = { dtype: type as Dtype, shape: [...dims], data: data as TensorData };
  }
  return { tensors, micros };
}

async function unload(key: string) {
  const session = sessions.get(key);
  sessions.delete(key);
  await session?.release();
}

async function perform(task: Task): Promise<void> {
  const answer: Answer = { id: task.id };
  try {
    if (task.op === "load") answer.graph = await load(task.key, task.path, task.threads);
    else if (task.op === "run") answer.result = await run(task.key, task.inputs, task.outputs);
    else await unload(task.key);
  } catch (error) {
    answer.error = error instanceof Error ? error.message : String(error);
  }
  parentPort?.postMessage(answer);
}

// In order, so that a session is released only after the runs that came before.
let last = Promise.resolve();
parentPort?.on("message", (task: Task) => {
  last = last.then(() => perform(task));
});
