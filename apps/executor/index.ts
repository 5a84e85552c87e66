// The executor: init, wait and resource containers of workflow pods, run inside the node agent.
import type { Handler } from "@capstan/base/http";
import type { InProcessImages } from "@capstan/core/runtime";
import { runProgram } from "./program.ts";

export interface ExecutorOptions {
  /** The API server; requests carry the token of the pod's service account. */
  handler: Handler;
  /** Directory of the artifact repository. */
  artifacts: string;
  /** Default `capstan/executor`. */
  image?: string;
}

/** The executor's image, as the node agent takes it. */
export function createExecutorImages({
  handler,
  artifacts,
  image = "capstan/executor",
}: ExecutorOptions): InProcessImages {
  return new Map([[image, (container) => runProgram(container, handler, artifacts)]]);
}
