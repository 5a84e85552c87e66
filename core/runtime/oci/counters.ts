// Numbers that the kernel and the disk give of a pod.
import { readFileSync } from "node:fs";
import type { NetworkCounters } from "../cri.ts";
import { diskUsage } from "../disk-usage.ts";

/** Interfaces of the network that a process is in, without its loopback. */
export function networkCounters(pid: number): NetworkCounters[] {
  const lines = readFileSync(`/proc/${pid}/net/dev`, "utf8").split("\n").slice(2);
  return lines.flatMap((line) => {
    const [name = "", numbers = ""] = line.split(":");
    if (numbers === "" || name.trim() === "lo") return [];
    // Bytes, packets, errors and drops come first of both halves of eight.
    const counts = numbers.trim().split(/\s+/).map(Number);
    const at = (index: number) => counts[index] ?? 0;
    return [
      {
        name: name.trim(),
        rxBytes: at(0),
        rxPackets: at(1),
        rxErrors: at(2),
        rxDropped: at(3),
        txBytes: at(8),
        txPackets: at(9),
        txErrors: at(10),
        txDropped: at(11),
      },
    ];
  });
}

/** How old a number of the disk may be, in milliseconds: to count again takes a look at every file. */
const freshness = 10_000;

/** Sizes of directories, counted when somebody asks and then kept for a while. */
export class DiskMeter {
  readonly #known = new Map<string, { at: number; bytes: Promise<number> }>();

  async bytes(path: string): Promise<number> {
    const known = this.#known.get(path);
    if (known && Date.now() - known.at < freshness) return await known.bytes;
    const bytes = diskUsage(path).then((usage) => usage.bytes);
    this.#known.set(path, { at: Date.now(), bytes });
    bytes.catch(() => this.#known.delete(path));
    return await bytes;
  }

  forget(path: string): void {
    this.#known.delete(path);
  }
}
