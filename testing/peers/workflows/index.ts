// The same workflows on three clusters: the embedded one with its executor in the agent and in pods, and a real one.
import { compilerMissing } from "../../../apps/executor/argoexec/build.ts";
import { kubectlMissing } from "../../cluster/index.ts";
import { containerdMissing } from "../../containerd/index.ts";
import type { Programs } from "../kube-apiserver/start.ts";
import { runEmbedded } from "./embedded.ts";
import { runOnKubernetes } from "./kubernetes.ts";
import { compare } from "./run-cases.ts";

/** Resolves to the exit code. */
export async function runWorkflows(programs: Programs): Promise<number> {
  const missing = containerdMissing() ?? kubectlMissing() ?? compilerMissing();
  if (missing) {
    console.log(`skipped: ${missing}`);
    return 0;
  }
  const embedded = await runEmbedded();
  compare(embedded, await runOnKubernetes(programs));
  return 0;
}
