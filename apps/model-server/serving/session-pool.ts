// The worker threads that run models, and the queue in front of them.
import { Worker } from "node:worker_threads";
import { type Deferred, deferred } from "@capstan/base/async";
import type { Tensor } from "../tensors/dtype.ts";
import { ServingError } from "./errors.ts";
import type { Graph } from "./signature.ts";

export interface RunResult {
  tensors: Record<string, Tensor>;
  /** Time inside ONNX Runtime, microseconds. */
  micros: number;
}

export type Task =
  | { id: number; op: "load"; key: string; path: string; threads: number }
  | { id: number; op: "run"; key: string; inputs: Record<string, Tensor>; outputs: string[] }
  | { id: number; op: "unload"; key: string };

export interface Answer {
  id: number;
  graph?: Graph;
  result?: RunResult;
  error?: string;
}

export interface PoolOptions {
  /** Worker threads; each has its own copy of every session. */
  workers: number;
  /** Threads inside one run. */
  intraOpThreads: number;
  /** Runs waiting for a worker; one more is refused with RESOURCE_EXHAUSTED. */
  maxQueued: number;
  /** A worker ended by itself: the process should too, and be started again. */
  onCrash(error: Error): void;
}

export interface SessionPool extends AsyncDisposable {
  /** Loads a model in every worker. Rejects with the runtime's words when the file is no model. */
  load(key: string, path: string): Promise<Graph>;
  run(key: string, inputs: Record<string, Tensor>, outputs: string[]): Promise<RunResult>;
  unload(key: string): Promise<void>;
  readonly queued: number;
}

interface Lane {
  worker: Worker;
  waiting: Map<number, Deferred<Answer>>;
}

type Work = Task extends infer T ? (T extends Task ? Omit<T, "id"> : never) : never;

/** Workers start with the first load. */
export function createSessionPool(options: PoolOptions): SessionPool {
  const lanes: Lane[] = [];
  let next = 0;
  let closing = false;

  const open = (): Lane => {
    const worker = new Worker(new URL("./session-worker.ts", import.meta.url));
    const lane: Lane = { worker, waiting: new Map() };
    const fail = (error: Error) => {
      for (const { reject } of lane.waiting.values()) reject(error);
      lane.waiting.clear();
      if (!closing) options.onCrash(error);
    };
    worker.on("message", (answer: Answer) => {
      const waiting = lane.waiting.get(answer.id);
      lane.waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(answer.error));
    });
    worker.on("error", (error) => fail(error as Error));
    worker.on("exit", (code) => fail(new Error(`an inference worker ended with code ${code}`)));
    return lane;
  };

  const ask = (lane: Lane, work: Work): Promise<Answer> => {
    const answer = deferred<Answer>();
    const id = next++;
    lane.waiting.set(id, answer);
    lane.worker.postMessage({ ...work, id });
    return answer.promise;
  };
  const queued = () => lanes.reduce((sum, lane) => sum + lane.waiting.size, 0);

  return {
    get queued() {
      return queued();
    },
    async load(key, path) {
      while (lanes.length < options.workers) lanes.push(open());
      const work = { op: "load" as const, key, path, threads: options.intraOpThreads };
      const [first] = await Promise.all(lanes.map((lane) => ask(lane, work)));
      return first?.graph as Graph;
    },
    async run(key, inputs, outputs) {
      if (queued() >= options.maxQueued) {
        throw new ServingError(
          "RESOURCE_EXHAUSTED",
          `${options.maxQueued} requests wait already (--max_queued_requests)`,
        );
      }
      const least = lanes.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a), lanes[0] as Lane);
      const answer = await ask(least, { op: "run", key, inputs, outputs });
      return answer.result as RunResult;
    },
    async unload(key) {
      await Promise.all(lanes.map((lane) => ask(lane, { op: "unload", key })));
    },
    async [Symbol.asyncDispose]() {
      closing = true;
      await Promise.all(lanes.map(({ worker }) => worker.terminate()));
    },
  };
}
