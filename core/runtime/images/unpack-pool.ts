import { Worker } from "node:worker_threads";
import { RuntimeError } from "../cri.ts";
import { Turns } from "./turns.ts";
import type { UnpackedLayer, UnpackJob } from "./unpack.ts";
import type { UnpackAnswer } from "./unpack-worker.ts";

/** How long a thread without work is kept, milliseconds. */
const idleMs = 2000;
/** What an archive's names may take of a thread's memory, MiB. */
const memoryLimit = 512;

interface Thread {
  worker: Worker;
  timer?: NodeJS.Timeout;
}

/** Threads that unpack layers: started when there is work, ended when there has been none for a while. */
export class UnpackPool {
  readonly #turns: Turns;
  readonly #idle: Thread[] = [];

  constructor(size: number) {
    this.#turns = new Turns(size);
  }

  /** Rejects when the signal aborts: the directory is the caller's to remove. */
  async run(job: UnpackJob, signal?: AbortSignal): Promise<UnpackedLayer> {
    return await this.#turns.take(() => this.#work(job, signal), signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => end(thread)));
  }

  async #work(job: UnpackJob, signal: AbortSignal | undefined): Promise<UnpackedLayer> {
    const thread = this.#take();
    clearTimeout(thread.timer);
    const { worker } = thread;
    worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<UnpackAnswer>();
    const failed = (error: NodeJS.ErrnoException) => reject(asRuntimeError(error));
    const aborted = () => reject(signal?.reason);
    worker.once("message", resolve);
    worker.once("error", failed);
    signal?.addEventListener("abort", aborted, { once: true });
    try {
      worker.postMessage(job);
      const answer = await promise;
      this.#keep(thread);
      if ("layer" in answer) return answer.layer;
      throw new RuntimeError(answer.code, answer.message);
    } catch (error) {
      if (!this.#idle.includes(thread)) await end(thread);
      throw error;
    } finally {
      worker.off("message", resolve);
      worker.off("error", failed);
      signal?.removeEventListener("abort", aborted);
    }
  }

  #take(): Thread {
    for (;;) {
      const thread = this.#idle.pop() ?? open();
      // A thread that has ended has the id -1.
      if (thread.worker.threadId !== -1) return thread;
      clearTimeout(thread.timer);
    }
  }

  #keep(thread: Thread): void {
    thread.worker.unref();
    this.#idle.push(thread);
    thread.timer = setTimeout(() => {
      this.#idle.splice(this.#idle.indexOf(thread), 1);
      void end(thread);
    }, idleMs);
    thread.timer.unref();
  }
}

function open(): Thread {
  const worker = new Worker(new URL("./unpack-worker.ts", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: memoryLimit },
    execArgv: [],
  });
  // Whoever has work in hand hears of it as well; without work it is only lost.
  worker.on("error", () => {});
  return { worker };
}

async function end({ worker, timer }: Thread): Promise<void> {
  clearTimeout(timer);
  await worker.terminate();
}

function asRuntimeError(error: NodeJS.ErrnoException): Error {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return error;
  return new RuntimeError("InvalidImage", `the archive's names are larger than the limit memory = ${memoryLimit} MiB`);
}
