// The seam by which an image runs inside the agent's own process: the executor's init and wait containers use it.
import type { Pod } from "@capstan/api/generated/core-v1";

/** A container whose program is a function of this process. */
export interface InProcessContainer {
  pod: Pod;
  name: string;
  command: string[];
  args: string[];
  env: Record<string, string>;
  /** Host path of a path as a container of this pod sees it: through its volume mounts, else in its root file system. */
  resolve(container: string, path: string): string;
  /** Resolves when another container of the pod has ended, however often it restarted. */
  waitFor(container: string): Promise<{ exitCode: number; reason: string; startedAt: string; finishedAt: string }>;
  /** Resolves when another container of the pod has started. */
  started(container: string): Promise<void>;
  kill(container: string, signal: "SIGTERM" | "SIGKILL"): void;
  /** The bytes another container wrote, stdout and stderr interleaved, without timestamps. */
  logs(container: string, stream?: "stdout" | "stderr"): AsyncIterable<Uint8Array>;
  print(text: string): void;
  signal: AbortSignal;
}

/**
 * Resolves to the exit code; a rejection is exit code 64 with the error's message as termination message. A program that
 * ran when the agent ended is called again by the next agent: it must be idempotent.
 */
export type InProcessProgram = (container: InProcessContainer) => Promise<number>;

/** Image name (exact, without tag) → program. */
export type InProcessImages = ReadonlyMap<string, InProcessProgram>;
