import type { Pod, Toleration } from "@capstan/api/generated/core-v1";
import type { AdmissionPlugin } from "../request.ts";
import { createdPod } from "./of-pods.ts";

/** Nodes with rare devices may be tainted by the devices' names: pods that ask for one tolerate it. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: "ExtendedResourceToleration",
  admit: (attributes) => {
    const pod = createdPod(attributes);
    if (!pod) return;
    for (const key of extendedResourcesOf(pod)) tolerate(pod, key);
  },
};

/** Names of a domain that is not Kubernetes' own. Source: kubernetes/pkg/apis/core/v1/helper IsExtendedResourceName. */
const isExtended = (name: string) =>
  name.includes("/") && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith("requests.");

function extendedResourcesOf({ spec }: Pod): string[] {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const names = containers.flatMap(({ resources }) => Object.keys({ ...resources?.limits, ...resources?.requests }));
  return [...new Set(names.filter(isExtended))].sort();
}

function tolerate({ spec }: Pod, key: string): void {
  const wanted: Toleration = { key, operator: "Exists", effect: "NoSchedule" };
  const present = spec.tolerations ?? [];
  const same = ({ key: of, operator, effect }: Toleration) =>
    of === key && operator === wanted.operator && effect === wanted.effect;
  if (!present.some(same)) spec.tolerations = [...present, wanted];
}
