// Threads that share the blocks of a job. The caller works too, and waits for the others: a job is over in microseconds.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { blocksOf, type Job, jobKinds, runBlock } from "./kernels.ts";
import type { Workspace } from "./workspace.ts";

/** Words of the control array. */
export const control = { sequence: 0, pending: 1, failed: 2, kind: 3, output: 4, begin: 5, end: 6, target: 7, size: 8 };
/** In place of a job: the worker ends. */
export const stop = -1;
/** Looks at the counter before a thread goes to sleep on it: a sleep costs more than most jobs last. */
const spins = 2000;

export interface Lanes extends AsyncDisposable {
  readonly count: number;
  run(job: Job): void;
}

/** Worker data of `lane.ts`. */
export interface LaneData {
  space: Workspace;
  words: Int32Array;
  lane: number;
  lanes: number;
}

/** @param count threads, the caller's among them. Resolves when all run: a thread cannot start while this one waits for it. */
export async function createLanes(space: Workspace, count: number): Promise<Lanes> {
  const words = new Int32Array(new SharedArrayBuffer(4 * control.size));
  const workers = Array.from({ length: count - 1 }, (_, i) => {
    const data: LaneData = { space, words, lane: i + 1, lanes: count };
    return new Worker(new URL("./lane.ts", import.meta.url), { workerData: data });
  });
  await Promise.all(workers.map((worker) => once(worker, "message")));
  return {
    count,
    run(job) {
      const blocks = blocksOf(job);
      const shared = workers.length > 0 && blocks > 1;
      if (shared) post(words, job, workers.length);
      for (let block = 0; block < blocks; block += shared ? count : 1) runBlock(space, job, block);
      if (shared) join(words);
    },
    async [Symbol.asyncDispose]() {
      if (workers.length > 0) announce(words, stop, workers.length);
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function post(words: Int32Array, job: Job, workers: number): void {
  words[control.output] = job.output;
  words[control.begin] = job.begin;
  words[control.end] = job.end;
  words[control.target] = job.target;
  announce(words, jobKinds.indexOf(job.kind), workers);
}

function announce(words: Int32Array, kind: number, workers: number): void {
  words[control.kind] = kind;
  Atomics.store(words, control.pending, workers);
  Atomics.add(words, control.sequence, 1);
  Atomics.notify(words, control.sequence);
}

function join(words: Int32Array): void {
  for (let pending = awaitChange(words, control.pending, -1); pending > 0; ) {
    pending = awaitChange(words, control.pending, pending);
  }
  if (Atomics.load(words, control.failed) !== 0) throw new Error("a training thread failed: see the lines above");
}

/** The word's value as soon as it is not `old`. */
export function awaitChange(words: Int32Array, word: number, old: number): number {
  for (let i = 0; i < spins; i++) {
    const value = Atomics.load(words, word);
    if (value !== old) return value;
  }
  for (;;) {
    const value = Atomics.load(words, word);
    if (value !== old) return value;
    Atomics.wait(words, word, old);
  }
}
