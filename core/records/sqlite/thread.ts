import type { SQLInputValue } from "node:sqlite";
import { Worker } from "node:worker_threads";
import type { SqliteAnswer, SqliteJob } from "./sqlite-worker.ts";

/** How long the thread is kept without work, milliseconds. */
const idleMs = 15_000;

interface Waiting {
  resolve(answer: { rows: unknown[]; changes: number }): void;
  reject(error: Error): void;
}

/** One SQLite file, opened when it is used and closed when it is not. */
export class SqliteThread {
  readonly #file: string;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Keeps the thread until rest() is called. */
  wake(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }
  /** Lets the thread end when nothing is asked for a while. */
  rest(): void {
    this.wake();
    this.#idle = setTimeout(() => void this.close(), idleMs).unref();
  }

  execute(sql: string, parameters: readonly unknown[]): Promise<{ rows: unknown[]; changes: number }> {
    return this.#post({ id: this.#next++, sql, parameters: parameters as SQLInputValue[] });
  }

  async close(): Promise<void> {
    this.wake();
    if (!this.#worker) return;
    await this.#post({ id: this.#next++, close: true });
  }

  #post(job: SqliteJob): Promise<{ rows: unknown[]; changes: number }> {
    const worker = this.#worker ?? this.#start();
    if ("close" in job) this.#worker = undefined;
    worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<{ rows: unknown[]; changes: number }>();
    this.#waiting.set(job.id, { resolve, reject });
    worker.postMessage(job);
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), {
      workerData: { file: this.#file },
      execArgv: [],
    });
    this.#worker = worker;
    worker.on("message", (answer: SqliteAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (this.#waiting.size === 0) worker.unref();
      if ("error" in answer) waiting?.reject(new Error(`${this.#file}: ${answer.error}`));
      else waiting?.resolve(answer);
    });
    const fail = (error: Error) => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    worker.on("error", (error) => fail(new Error(`${this.#file}: ${error.message}`, { cause: error })));
    return worker;
  }
}
