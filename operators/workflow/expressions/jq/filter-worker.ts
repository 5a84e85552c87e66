// The thread in which jq runs: it can be stopped, and its memory is bounded.
import { parentPort, workerData } from "node:worker_threads";
import { type Answer, limits, type Question } from "./limits.ts";

interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(this: GrowingMemory, pages: number): number;
}
// Types of the language's own library know no WebAssembly.
const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: GrowingMemory } } }).WebAssembly;
const { grow } = Memory.prototype;
let full = false;
Memory.prototype.grow = function (this: GrowingMemory, pages: number) {
  full ||= this.buffer.byteLength / 65_536 + pages > limits.pages;
  if (full) throw new RangeError("memory limit");
  return grow.call(this, pages);
};
// What jq warns of is in its answer.
console.warn = () => undefined;

function wordsOf(error: unknown): string {
  if (full) return `more memory than ${limits.pages / 16} MiB`;
  const { stderr, message } = error as { stderr?: string; message?: string };
  return String(stderr || message || error)
    .replace(/^Non-zero exit code: \d+\n?/, "")
    .trim()
    .slice(0, 1000);
}

async function answer({ filter, input }: Question): Promise<Answer> {
  try {
    const { default: starting } = await import("jq-web");
    const jq = await starting;
    return { output: jq.raw(input, filter, ["-c", "-S"]) };
  } catch (error) {
    return { error: wordsOf(error) };
  }
}

parentPort?.postMessage(await answer(workerData as Question));
