// A training thread: does every lane-th block of each job until it is told to stop.
import { parentPort, workerData } from "node:worker_threads";
import { blocksOf, type Job, jobKinds, runBlock } from "./kernels.ts";
import { awaitChange, control, type LaneData, stop } from "./lanes.ts";

const { space, words, lane, lanes } = workerData as LaneData;
parentPort?.postMessage("ready");

for (let seen = 0; ; ) {
  seen = awaitChange(words, control.sequence, seen);
  const kind = words[control.kind] as number;
  if (kind === stop) break;
  try {
    doShare(jobOf(kind));
  } catch (error) {
    console.error(error);
    Atomics.store(words, control.failed, 1);
  }
  if (Atomics.sub(words, control.pending, 1) === 1) Atomics.notify(words, control.pending);
}

function jobOf(kind: number): Job {
  return {
    kind: jobKinds[kind] as Job["kind"],
    output: words[control.output] as number,
    begin: words[control.begin] as number,
    end: words[control.end] as number,
    target: words[control.target] as number,
  };
}

function doShare(job: Job): void {
  const blocks = blocksOf(job);
  for (let block = lane; block < blocks; block += lanes) runBlock(space, job, block);
}
