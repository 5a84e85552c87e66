// How the step's own containers start and end, told by argoexec in the pod's shared volume (argoexec/supervise.c).
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import { constants as os } from "node:os";
import { openRegular } from "@capstan/core/artifacts";
import { LayeredRoot } from "@capstan/core/runtime";

export interface End {
  exitCode: number;
  reason: string;
  startedAt: string;
  finishedAt: string;
}
/** Of a container whose end nobody could tell: it was killed as a whole. */
const killed = 137;
/** Digits of an exit code, and more. */
const codeLimit = 8;

export class Ends implements Disposable {
  readonly #shared: LayeredRoot;
  readonly #ends = new Map<string, Promise<End>>();
  /** Pipes of signals, held open so that a container that starts late still finds its signal. */
  readonly #signals = new Map<string, number>();
  readonly #over = new AbortController();

  /** @param shared the volume that all containers of the pod mount. */
  constructor(shared: string) {
    this.#shared = new LayeredRoot([{ at: "/", directories: [shared] }]);
  }

  /** Resolves when a container has ended, also one that ended before. */
  of(name: string): Promise<End> {
    let end = this.#ends.get(name);
    if (!end) {
      end = this.#await(name);
      this.#ends.set(name, end);
    }
    return end;
  }

  kill(name: string, signal: "SIGTERM" | "SIGKILL"): void {
    let pipe = this.#signals.get(name);
    if (pipe === undefined) {
      pipe = openSync(this.path(name, "signals"), constants.O_RDWR | constants.O_NONBLOCK);
      this.#signals.set(name, pipe);
    }
    writeSync(pipe, Uint8Array.of(os.signals[signal]));
  }

  /** Nobody waits any more; what was waited for stays open. */
  [Symbol.dispose](): void {
    this.#over.abort();
    for (const pipe of this.#signals.values()) closeSync(pipe);
    this.#signals.clear();
  }

  /** Where a container's file is. Its own program can write there, too: no link leads out of the volume. */
  path(name: string, file: string): string {
    return this.#shared.locate(`/ctr/${name}/${file}`).host;
  }

  async #await(name: string): Promise<End> {
    const alive = openSync(this.path(name, "alive"), constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await this.#read(name, "exitcode")) !== undefined || (await this.#hasGone(name, alive))) closeSync(alive);
    else await untilClosed(alive, this.#over.signal);
    const text = await this.#read(name, "exitcode");
    const exitCode = text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : killed;
    const [startedAt, finishedAt] = await Promise.all([this.#time(name, "started"), this.#time(name, "exitcode")]);
    return { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt, finishedAt };
  }

  /** The pipe itself tells only of ends after it was opened. */
  async #hasGone(name: string, alive: number): Promise<boolean> {
    if ((await this.#read(name, "started")) === undefined) return false;
    try {
      return readSync(alive, Buffer.alloc(1)) === 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      throw error;
    }
  }

  async #read(name: string, file: string): Promise<string | undefined> {
    try {
      await using opened = await openRegular(this.path(name, file), `${file} of ${name}`);
      const { buffer, bytesRead } = await opened.read(Buffer.alloc(codeLimit), 0, codeLimit, 0);
      return buffer.toString("utf8", 0, bytesRead);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #time(name: string, file: string): Promise<string> {
    try {
      return (await stat(this.path(name, file))).mtime.toISOString();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Date().toISOString();
      throw error;
    }
  }
}

/** Resolves when whoever holds the other end of a pipe is gone; nothing is ever written into it. */
function untilClosed(pipe: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new Socket({ fd: pipe, readable: true, writable: false });
    socket.on("error", reject).on("end", resolve);
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
    if (signal.aborted) socket.destroy();
    else socket.resume();
  });
}
