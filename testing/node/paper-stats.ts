import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import type { Summary } from "@capstan/cluster/apiserver/metrics";
import type { Informers } from "@capstan/core/reconcile";

export interface PaperUse {
  cores: number;
  /** Bytes. */
  memory: number;
}

/**
 * What the agent of a node without containers says: counters that grow as if every container had used the same since the
 * epoch. @param use of a container of a pod; undefined: nothing runs there. @param machine of each node.
 */
export function createPaperStats(
  informers: () => Informers,
  use: (pod: Pod, container: string) => PaperUse | undefined,
  machine: PaperUse = { cores: 0.5, memory: 2 ** 30 },
): { summary(node: string): Promise<Summary> } {
  return {
    async summary(node) {
      const time = Date.now();
      const start = Math.floor(time / 1e7) * 1e7 - 1e7;
      const reading = ({ cores, memory }: PaperUse) => ({ time, cpu: cores * (time - start) * 1e6, memory });
      const pods = informers()
        .informer(Pods)
        .list()
        .filter(({ spec }) => spec.nodeName === node);
      return {
        node: reading(machine),
        pods: pods.map((pod) => ({
          namespace: pod.metadata.namespace ?? "",
          name: pod.metadata.name,
          uid: pod.metadata.uid ?? "",
          containers: pod.spec.containers.flatMap(({ name }) => {
            const used = use(pod, name);
            return used ? [{ name, ...reading(used) }] : [];
          }),
        })),
      };
    },
  };
}
