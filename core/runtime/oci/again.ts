// A container's process once more: what is forgotten of the last one, and when its mounts are gone.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { isHeld, readFifo } from "./launch.ts";

/** What launch.sh and runc leave in a container's directory. */
const pipes = ["control", "stdout", "stderr", "drained", "gone", "ask", "say", "stdin"];
const files = ["exit", "pid", "shim", "parent", "state", "runc.log"];
/** launch.sh writes it too. */
const unstarted = "unstarted";

/** Until a next one is started nothing has run: an agent that comes then must not take it for an end. */
export function forgetProcess(directory: string): void {
  writeFileSync(join(directory, unstarted), "");
  for (const name of [...pipes, ...files]) rmSync(join(directory, name), { recursive: true, force: true });
}

/** Called right before a program that was made anew is told to start. */
export function willStart(directory: string): void {
  rmSync(join(directory, unstarted), { force: true });
}

/** Resolves when the process that holds a container, and the mounts that it began from, are gone. Called before it may go. */
export function processGone(directory: string): Promise<void> {
  const path = join(directory, "gone");
  if (!existsSync(path)) return Promise.resolve();
  const fifo = readFifo(path);
  fifo.resume();
  if (!isHeld(path)) fifo.destroy();
  return closed(fifo);
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("close", () => resolve());
    socket.on("error", () => socket.destroy());
  });
}
