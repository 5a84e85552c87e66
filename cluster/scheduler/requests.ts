import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";

/** Amounts in base units (cores, bytes, pieces). */
export type Amounts = Record<string, number>;

/** What a pod without requests counts for when nodes are compared. Source: pkg/scheduler/util/pod_resources.go. */
const assumedCpu = 0.1;
const assumedMemory = 200 * 2 ** 20;

export function amountsOf(quantities: Record<string, string> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(quantities ?? {}).map(([name, quantity]) => [name, parseQuantity(quantity)]),
  );
}

export function add(into: Amounts, more: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, amount] of Object.entries(more)) into[name] = (into[name] ?? 0) + sign * amount;
}

function raise(into: Amounts, least: Amounts): void {
  for (const [name, amount] of Object.entries(least)) into[name] = Math.max(into[name] ?? 0, amount);
}

/**
 * What a pod needs at its peak: its containers and sidecars together, or an init container with the sidecars started
 * before it, and the overhead; requests of the pod itself go before. Source: PodRequests in component-helpers/resource.
 */
export function podRequests({ spec }: Pick<Pod, "spec">): Amounts {
  const total = sumOf(spec.containers, requestsOf);
  const sidecars: Amounts = {};
  const peak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = requestsOf(container);
    if (container.restartPolicy === "Always") {
      add(sidecars, own);
      add(total, own);
      raise(peak, sidecars);
    } else {
      const during = { ...sidecars };
      add(during, own);
      raise(peak, during);
    }
  }
  raise(total, peak);
  Object.assign(total, amountsOf(spec.resources?.requests));
  add(total, amountsOf(spec.overhead));
  return total;
}

/** As podRequests, for comparing nodes: containers that ask for nothing count for a little. */
export function comparedRequests(pod: Pick<Pod, "spec">): { cpu: number; memory: number } {
  const asked = podRequests(pod);
  const silent = (name: string) => pod.spec.containers.filter(({ resources }) => !resources?.requests?.[name]).length;
  return {
    cpu: (asked.cpu ?? 0) + silent("cpu") * assumedCpu,
    memory: (asked.memory ?? 0) + silent("memory") * assumedMemory,
  };
}

function requestsOf({ resources }: Container): Amounts {
  return amountsOf(resources?.requests);
}

function sumOf(containers: Container[], amounts: (container: Container) => Amounts): Amounts {
  const total: Amounts = {};
  for (const container of containers) add(total, amounts(container));
  return total;
}
