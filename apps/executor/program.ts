// The executor's programs, wherever they run: in the node agent's own process, or as containers of a pod.
import type { Handler } from "@capstan/base/http";
import type { InProcessContainer } from "@capstan/core/runtime";
import { runInit } from "./init.ts";
import { readStep } from "./step.ts";
import { runWait } from "./wait.ts";

/**
 * Runs the program that the container's first argument names. Resolves to its exit code.
 * @param artifacts directory of the artifact repository.
 * @param inPod this process is a container of the pod itself.
 */
export async function runProgram(
  container: InProcessContainer,
  handler: Handler,
  artifacts: string,
  inPod = false,
): Promise<number> {
  const [verb = ""] = container.args;
  const step = readStep(container, handler, artifacts, inPod);
  if (verb === "init") return runInit(step);
  if (verb === "wait") return runWait(step);
  if (verb === "resource") {
    const { runResource } = await import("./resource/index.ts");
    return runResource(step);
  }
  if (verb === "artifact" && container.args[1] === "delete") {
    const { runCollect } = await import("./collect.ts");
    return runCollect(step);
  }
  if (verb === "data") {
    const { runData } = await import("./data.ts");
    return runData(step);
  }
  throw new Error(`argoexec: ${JSON.stringify(verb)} is none of init, wait, resource, data, artifact delete`);
}
