// Stands in for a node and the executor: every pod runs, reports and ends as a table says.
import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { type Outputs, WorkflowTaskResults } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { aborted } from "@capstan/base/async";
import { type Controller, createController } from "@capstan/core/reconcile";
import type { TestCluster } from "../cluster/index.ts";

export interface KubeletEnd {
  exitCode?: number;
  outputs?: Outputs;
  /** Ends when this resolves. */
  until?: Promise<unknown>;
}

const annotation = (name: string) => `workflows.argoproj.io/${name}`;

/** @param endOf how the pod of a node ends, by the node's name. */
export function createFakeKubelet(cluster: TestCluster, endOf: (node: string, pod: Pod) => KubeletEnd): Controller {
  const { client, informers, log } = cluster;
  return createController({
    name: "fake-kubelet",
    informers,
    log,
    workers: 32,
    sources: [{ resource: Pods, when: ({ type }) => type === "ADDED" }],
    async reconcile(ref, signal) {
      const pod = informers.informer(Pods).get(ref);
      const id = pod?.metadata.annotations?.[annotation("node-id")];
      if (!pod || !id || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return undefined;
      const end = endOf(pod.metadata.annotations?.[annotation("node-name")] ?? "", pod);
      const metadata = { namespace: ref.namespace ?? "", name: id };
      try {
        await setStatus(pod, "Running");
        await Promise.race([end.until, aborted(signal)]);
        if (signal.aborted) return undefined;
        await client.create(WorkflowTaskResults, {
          metadata: {
            ...metadata,
            labels: {
              [annotation("workflow")]: pod.metadata.labels?.[annotation("workflow")] ?? "",
              [annotation("report-outputs-completed")]: "true",
            },
          },
          ...(end.outputs ? { outputs: end.outputs } : {}),
        });
        await setStatus(pod, end.exitCode ? "Failed" : "Succeeded", end.exitCode ?? 0);
      } catch (error) {
        if (!isReason(error, "NotFound", "AlreadyExists")) throw error;
      }
      return undefined;
    },
  });

  async function setStatus({ metadata, spec }: Pod, phase: string, exitCode = 0): Promise<void> {
    const at = new Date().toISOString();
    const terminated = (code: number) => ({
      exitCode: code,
      reason: code ? "Error" : "Completed",
      startedAt: at,
      finishedAt: at,
    });
    const containerStatuses = spec.containers.map(({ name, image = "" }) => ({
      name,
      image,
      imageID: image,
      ready: phase === "Running",
      restartCount: 0,
      state:
        phase === "Running"
          ? { running: { startedAt: at } }
          : { terminated: terminated(name === "wait" ? 0 : exitCode) },
    }));
    const { namespace = "", name } = metadata;
    const body = { status: { phase, podIP: "10.1.2.3", containerStatuses } };
    await client.patch(Pods, { namespace, name }, { type: "merge", body }, { subresource: "status" });
  }
}
