// The executor: init, wait and resource containers of workflow pods, run inside the node agent.
import type { Handler } from "@capstan/base/http";
import type { InProcessImages } from "@capstan/core/runtime";
import { runInit } from "./init.ts";
import { createArtifactDirectory } from "./repository/index.ts";
import { readStep } from "./step.ts";
import { runWait } from "./wait.ts";

export { type ArtifactDirectory, createArtifactDirectory } from "./repository/index.ts";

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
  const repository = createArtifactDirectory(artifacts);
  return new Map([
    [
      image,
      async (container) => {
        const [verb = ""] = container.args;
        const step = readStep(container, handler, repository);
        if (verb === "init") return runInit(step);
        if (verb === "wait") return runWait(step);
        if (verb === "resource") {
          const { runResource } = await import("./resource/index.ts");
          return runResource(step);
        }
        throw new Error(`argoexec: ${JSON.stringify(verb)} is none of init, wait, resource`);
      },
    ],
  ]);
}
