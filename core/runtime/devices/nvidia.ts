// NVIDIA's GPUs as nvidia-smi tells of them.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { findTool, mustRun } from "../oci/command.ts";

export interface Gpu {
  index: number;
  /** `GPU-…`, as CUDA_VISIBLE_DEVICES takes it. */
  uuid: string;
  name: string;
  /** MiB. */
  memory: number;
}

/** Absolute path of nvidia-smi; undefined where the machine has none. */
export function findNvidiaTool(): string | undefined {
  return findTool("nvidia-smi");
}

const query = ["--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"];
/** Seconds between two looks of nvidia-smi: how soon a GPU that fell off the bus is seen. */
const lookSeconds = 10;

/**
 * The GPUs that answer: now, and after each look of nvidia-smi, which is one look late.
 * @throws when nvidia-smi fails, as it does when the driver has gone
 */
export async function* watchGpus(tool: string, signal: AbortSignal): AsyncGenerator<Gpu[]> {
  yield (await mustRun(tool, query)).split("\n").flatMap(readGpu);
  const child = spawn(tool, [...query, `--loop=${lookSeconds}`], { stdio: ["ignore", "pipe", "ignore"], signal });
  const failed = Promise.withResolvers<Error>();
  child.once("error", failed.resolve);
  child.once("close", (code) => failed.resolve(new Error(`${tool} --loop has ended with code ${code}`)));
  let seen: Gpu[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    for (const gpu of readGpu(line)) {
      const last = seen.at(-1);
      if (last && gpu.index <= last.index) {
        yield seen;
        seen = [];
      }
      seen.push(gpu);
    }
  }
  if (signal.aborted) return;

  throw await failed.promise;
}

/** Lines about GPUs that do not answer are errors in words: they name no UUID where one should be. */
function readGpu(line: string): Gpu[] {
  const [index = "", uuid = "", name = "", memory = ""] = line.split(",").map((field) => field.trim());
  if (!/^\d+$/.test(index) || !/^(GPU|MIG)-[\w-]+$/.test(uuid)) return [];
  return [{ index: Number(index), uuid, name, memory: Number(memory) || 0 }];
}
