// Starts the two shell scripts and listens to what they say.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { RuntimeError } from "../cri.ts";

export interface Launched {
  child: ChildProcess;
  /** What followed a word that the script said, such as "pid" or "ready". */
  said(word: string): Promise<string>;
  /** Lines that another process says for it. */
  hear(stream: Readable): void;
}

/** Starts a script detached: it outlives this process. Its lines on fd 1 are awaited with said(). */
export function launch(program: string, args: string[], what: string): Launched {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: {}, detached: true, cwd: "/" });
  const heard = new Map<string, string>();
  const waiting = new Map<string, PromiseWithResolvers<string>>();
  let failure: RuntimeError | undefined;
  let errors = "";
  const hear = (stream: Readable) => {
    let text = "";
    stream.setEncoding("utf8").on("data", (data: string) => {
      text += data;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const [word = "", ...rest] = text.slice(0, end).split(" ");
        text = text.slice(end + 1);
        heard.set(word, rest.join(" "));
        waiting.get(word)?.resolve(rest.join(" "));
      }
    });
  };
  if (child.stdout) hear(child.stdout);
  child.stderr?.setEncoding("utf8").on("data", (data: string) => (errors = (errors + data).slice(0, 4096)));
  const fail = (message: string) => {
    failure ??= new RuntimeError("Failed", `${what}: ${message}`);
    for (const one of waiting.values()) one.reject(failure);
  };
  child.on("error", (error) => fail(error.message));
  // Whoever could still speak is gone. The process that holds a container may live on, until its output has been read.
  let ended = 0;
  const over = () => {
    if (++ended === 2) fail(errors.trim() || "it ended before it was ready");
  };
  child.stdout?.on("close", over);
  child.stderr?.on("close", over);
  // What it did not read it tells by its end.
  child.stdin?.on("error", (error) => fail(error.message));
  return {
    child,
    hear,
    said(word) {
      const known = heard.get(word);
      if (known !== undefined) return Promise.resolve(known);
      if (failure) return Promise.reject(failure);
      const one = Promise.withResolvers<string>();
      waiting.set(word, one);
      return one.promise;
    },
  };
}

/** Lets this process end while a launched one goes on. */
export function release({ child }: Launched): void {
  child.unref();
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.stdin?.destroy();
}

/**
 * Whether any process holds a FIFO open for writing. Nothing is ever written to the FIFOs that are asked about: a read
 * finds their end, or would have to wait.
 */
export function isHeld(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return true;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The reading end of a FIFO that is held; ends when nobody holds it open for writing any more. */
export function readFifo(path: string): Socket {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/** What is in a FIFO now. It ends with the FIFO, or where one would have to wait for its writers. */
export function* drainFifo(path: string): Iterable<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(65_536);
      const size = readSync(fd, buffer);
      if (size === 0) return;
      yield buffer.subarray(0, size);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  } finally {
    closeSync(fd);
  }
}

/** The writing end of a FIFO that its reader opens when it likes. */
export function writeFifo(path: string): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    return new Socket({ fd, readable: false, writable: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Tells the process that holds an ended container that its output has been read. Nobody may be waiting for it. */
export function sayDrained(path: string): void {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fd, "\n");
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!["ENXIO", "ENOENT", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
