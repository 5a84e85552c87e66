import { Buffer } from "node:buffer";
import type { InProcessContainer } from "@capstan/core/runtime";

/** How much of what a step printed is kept as its result: the end of it. */
export const resultLimit = 256 * 1024;

/** What a container printed to stdout, its last 256 KiB, one trailing newline less. */
export async function readResult(container: InProcessContainer, name: string): Promise<string> {
  let kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of container.logs(name, "stdout")) {
    kept.push(chunk);
    size += chunk.length;
    if (size > 4 * resultLimit) {
      const tail = Buffer.concat(kept).subarray(-resultLimit);
      kept = [tail];
      size = tail.length;
    }
  }
  return Buffer.concat(kept).subarray(-resultLimit).toString("utf8").replace(/\n$/, "");
}
