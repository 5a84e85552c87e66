// How often probes of the node's containers have passed and failed: the kubelet's /metrics/probes.
import type { Pod } from "@capstan/api/generated/core-v1";
import type { ProbeKind } from "./prober.ts";

export interface ProbeCount {
  namespace: string;
  pod: string;
  pod_uid: string;
  container: string;
  probe_type: string;
  result: string;
}

export class ProbeCounts {
  /** By the pod's UID, then by the rest of the labels. */
  readonly #pods = new Map<string, Map<string, { labels: ProbeCount; value: number }>>();

  count({ metadata }: Pod, container: string, kind: ProbeKind, healthy: boolean): void {
    const { namespace = "", name, uid = "" } = metadata;
    const own = this.#pods.get(uid) ?? new Map<string, { labels: ProbeCount; value: number }>();
    this.#pods.set(uid, own);
    const result = healthy ? "successful" : "failed";
    const probe_type = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
    const labels = { namespace, pod: name, pod_uid: uid, container, probe_type, result };
    const key = `${container} ${kind} ${result}`;
    const known = own.get(key);
    own.set(key, { labels, value: (known?.value ?? 0) + 1 });
  }

  list(): { labels: ProbeCount; value: number }[] {
    return [...this.#pods.values()].flatMap((own) => [...own.values()]);
  }

  forget({ metadata }: Pod): void {
    this.#pods.delete(metadata.uid ?? "");
  }
}
