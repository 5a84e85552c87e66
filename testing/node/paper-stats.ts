import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import type { Summary } from "@capstan/cluster/apiserver/metrics";
import type { Informers } from "@capstan/core/reconcile";

export interface PaperUse {
  cores: number;
  /** Bytes. */
  memory: number;
}

interface Counter {
  time: number;
  cpu: number;
}

/**
 * What the agent of a node without containers says: counters that grow by what is used at the time they are read.
 * @param use of a container of a pod; undefined: nothing runs there. @param machine of each node.
 */
export function createPaperStats(
  informers: () => Informers,
  use: (pod: Pod, container: string) => PaperUse | undefined,
  machine: PaperUse = { cores: 0.5, memory: 2 ** 30 },
): { summary(node: string): Promise<Summary> } {
  const counters = new Map<string, Counter>();
  const reading = (key: string, { cores, memory }: PaperUse) => {
    const time = Date.now();
    const last = counters.get(key) ?? { time, cpu: 0 };
    const counter = { time, cpu: last.cpu + cores * (time - last.time) * 1e6 };
    counters.set(key, counter);
    return { ...counter, memory };
  };
  return {
    async summary(node) {
      const pods = informers()
        .informer(Pods)
        .list()
        .filter(({ spec }) => spec.nodeName === node);
      return {
        node: reading(node, machine),
        pods: pods.map((pod) => {
          const { namespace = "", name, uid = "" } = pod.metadata;
          const containers = pod.spec.containers.flatMap(({ name: container }) => {
            const used = use(pod, container);
            return used ? [{ name: container, ...reading(`${uid}/${container}`, used) }] : [];
          });
          return { namespace, name, uid, containers };
        }),
      };
    },
  };
}
