import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { formatQuantity, parseQuantity } from "@capstan/api/meta";

type Amounts = Record<string, number>;

const add = (to: Amounts, amounts: Record<string, string> | undefined) => {
  for (const [name, amount] of Object.entries(amounts ?? {})) to[name] = (to[name] ?? 0) + parseQuantity(amount);
};
const raise = (to: Amounts, amounts: Amounts) => {
  for (const [name, amount] of Object.entries(amounts)) to[name] = Math.max(to[name] ?? 0, amount);
};

/**
 * What a pod asks for as a whole: its containers together with its side-cars, or the most that one of its start-up
 * containers needs beside the side-cars before it, and its overhead. Base units.
 * Source: kubernetes/pkg/api/v1/resource's PodRequests and PodLimits.
 */
export function podAmounts({ spec }: Pick<Pod, "spec">, of: "requests" | "limits"): Amounts {
  const total: Amounts = {};
  for (const { resources } of spec.containers ?? []) add(total, resources?.[of]);
  const sideCars: Amounts = {};
  const starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const { resources } = container;
    if (isSideCar(container)) {
      add(total, resources?.[of]);
      add(sideCars, resources?.[of]);
      raise(starting, sideCars);
    } else {
      const now = { ...sideCars };
      add(now, resources?.[of]);
      raise(starting, now);
    }
  }
  raise(total, starting);
  for (const [name, amount] of Object.entries(spec.overhead ?? {})) {
    // A limit that is not there stays without bounds.
    if (of === "requests" || total[name] !== undefined) add(total, { [name]: amount });
  }
  return total;
}

function isSideCar({ restartPolicy }: Container): boolean {
  return restartPolicy === "Always";
}

/** As podAmounts, written as quantities. */
export function podResources(pod: Pick<Pod, "spec">): {
  requests: Record<string, string>;
  limits: Record<string, string>;
} {
  const write = (amounts: Amounts) =>
    Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, formatQuantity(value, name !== "cpu")]));
  return { requests: write(podAmounts(pod, "requests")), limits: write(podAmounts(pod, "limits")) };
}
