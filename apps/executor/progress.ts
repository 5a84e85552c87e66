// How far a step is, as its own program says: `3/10` lines in a file of the pod's shared volume.
// Source: argo-workflows docs/progress.md.
import { constants, watch } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { progressPath } from "@capstan/api/kinds/workflow-pod";
import { sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import { reportProgress } from "./report.ts";
import type { Step } from "./step.ts";

/** Least time between two reports, milliseconds. */
const rest = 1000;
/** Of a long file only the end is read, bytes. */
const tailLimit = 4096;

/** Reports each change until the signal aborts. What cannot be reported is told in the container's own words. */
export async function followProgress(step: Step, signal: AbortSignal): Promise<void> {
  const { container } = step;
  const host = container.resolve(container.name, progressPath);
  await mkdir(dirname(host), { recursive: true });
  let told = "";
  let changed = Promise.withResolvers<void>();
  const watcher = watch(dirname(host), (_, name) => {
    if (name === basename(host)) changed.resolve();
  });
  watcher.on("error", (error) => container.print(`progress: ${messageOf(error)}`));
  signal.addEventListener("abort", () => changed.resolve(), { once: true });
  try {
    while (!signal.aborted) {
      const latest = await readLatest(host);
      if (latest && latest !== told) {
        await reportProgress(step, latest);
        told = latest;
        await sleep(rest, signal);
        continue;
      }
      await changed.promise;
      changed = Promise.withResolvers<void>();
      if (signal.aborted) changed.resolve();
    }
  } catch (error) {
    container.print(`progress: ${messageOf(error)}`);
  } finally {
    watcher.close();
  }
}

/** The last line that says how far it is; undefined while there is none. */
async function readLatest(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // What a step puts there is not to be trusted: neither links nor pipes are followed.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "ELOOP", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return undefined;
    const length = Math.min(stat.size, tailLimit);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, stat.size - length);
    const lines = buffer.subarray(0, bytesRead).toString().split("\n");
    return lines.findLast((line) => isProgress(line.trim()))?.trim();
  } finally {
    await file.close();
  }
}

function isProgress(text: string): boolean {
  const [, done, all] = /^(\d{1,15})\/(\d{1,15})$/.exec(text) ?? [];
  return done !== undefined && Number(done) <= Number(all);
}
