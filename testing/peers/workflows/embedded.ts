// Pods of Debian's containerd under the embedded control plane: once with the executor in the agent's own process, once
// with the executor as containers of its image. Both must come to the same.
import { startContainerd } from "../../containerd/index.ts";
import { startInstance } from "../../platform/instance.ts";
import { buildExecutorImage, executorImage } from "./executor-image.ts";
import { casesFor } from "./manifests.ts";
import { compare, kubectlOf, prepare, runCases, type Summary } from "./run-cases.ts";

/** Resolves to what the cases came to. */
export async function runEmbedded(): Promise<Summary> {
  await using containerd = await startContainerd();
  containerd.ctr("images", "import", buildExecutorImage(containerd.directory));
  const cases = casesFor({ busybox: containerd.pullable });
  const runWith = async (what: string, args: string[]) => {
    console.log(what);
    await using instance = startInstance({
      args: ["--no-quickstart", "--runtime", `cri:${containerd.endpoint}`, ...args],
    });
    await instance.ready();
    const kubectl = kubectlOf(instance.kubeconfig);
    await prepare(kubectl);
    try {
      return await runCases(kubectl, cases);
    } catch (error) {
      console.error(instance.output.stdout, instance.output.stderr);
      throw error;
    }
  };
  const inAgent = await runWith("embedded, executor in the agent", []);
  const inPods = await runWith("embedded, executor in pods", ["--executor-image", executorImage]);
  compare(inAgent, inPods);
  return inPods;
}
