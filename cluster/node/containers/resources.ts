import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import type { Resources } from "@capstan/core/runtime";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** Source: k8s.io/kubernetes pkg/apis/core/v1/helper/qos. */
export function qosOf(pod: Pod): QosClass {
  const { resources: whole } = pod.spec ?? {};
  // What a pod says of itself as a whole is what it is.
  const containers =
    whole?.requests || whole?.limits
      ? [{ resources: whole }]
      : [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const set = (list: Container["resources"], kind: "requests" | "limits", name: string) => {
    const quantity = list?.[kind]?.[name];
    return quantity !== undefined && parseQuantity(quantity) > 0 ? parseQuantity(quantity) : undefined;
  };
  let any = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of ["cpu", "memory"]) {
      const limit = set(resources, "limits", name);
      const request = set(resources, "requests", name) ?? limit;
      if (limit !== undefined || request !== undefined) any = true;
      if (limit === undefined || request !== limit) guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

/** Limits of a pod's containers together. */
export function podLimitsOf({ spec }: Pod): Resources {
  const { requests = {}, limits = {} } = spec?.resources ?? {};
  const cpu = requests.cpu ?? limits.cpu;
  return {
    ...(cpu === undefined ? {} : { cpuShares: Math.max(2, Math.floor(parseQuantity(cpu) * 1024)) }),
    ...(limits.cpu === undefined ? {} : { cpuLimit: parseQuantity(limits.cpu) }),
    ...(limits.memory === undefined ? {} : { memoryLimit: parseQuantity(limits.memory) }),
  };
}

/** Limits as the kubelet derives them from a container's resources. */
export function limitsOf(pod: Pod, container: Container, nodeMemory: number, pidsLimit: number): Resources {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const cpu = requests.cpu ?? limits.cpu;
  const memory = limits.memory;
  return {
    cpuShares: cpu === undefined ? 2 : Math.max(2, Math.floor(parseQuantity(cpu) * 1024)),
    ...(limits.cpu === undefined ? {} : { cpuLimit: parseQuantity(limits.cpu) }),
    ...(memory === undefined ? {} : { memoryLimit: parseQuantity(memory) }),
    pidsLimit,
    oomScoreAdjust: oomScore(qosOf(pod), requests.memory ?? memory, nodeMemory),
  };
}

/** Source: k8s.io/kubernetes pkg/kubelet/qos GetContainerOOMScoreAdjust. */
function oomScore(qos: QosClass, memory: string | number | undefined, nodeMemory: number): number {
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  const share = memory === undefined ? 0 : (1000 * parseQuantity(memory)) / nodeMemory;
  return Math.round(Math.min(999, Math.max(3, 1000 - share)));
}
