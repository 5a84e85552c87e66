// Limits of the operator: upstream's fields of workflow-controller-configmap, read anew whenever they are asked for.
import type { ConfigMap, Namespace } from "@capstan/api/generated/core-v1";
import { messageOf } from "@capstan/base/errors";
import { readYaml } from "../engine/index.ts";
import type { Rate } from "./gate.ts";

export const controllerConfigMap = "workflow-controller-configmap";
/** A namespace's own limit, over `namespaceParallelism`. */
export const parallelismLabel = "workflows.argoproj.io/parallelism-limit";

export interface Limits {
  /** Workflows at once; 0: any number. */
  parallelism: number;
  /** The same in each namespace. */
  namespaceParallelism: number;
  /** Pods created in a second. Absent: any. */
  resourceRateLimit?: Rate;
}

/** @param complain is told of what cannot be read; it then counts as not being there. */
export function readLimits(map: ConfigMap | undefined, complain: (problem: string) => void): Limits {
  const read = (key: string): unknown => {
    const text = map?.data?.[key];
    if (text === undefined) return undefined;
    try {
      return readYaml(text, `ConfigMap ${controllerConfigMap}, key ${key}`);
    } catch (error) {
      complain(messageOf(error));
      return undefined;
    }
  };
  const count = (key: string): number => {
    const value = read(key);
    if (value === undefined || value === null) return 0;
    if (Number.isInteger(value) && (value as number) >= 0) return value as number;
    complain(`ConfigMap ${controllerConfigMap}: ${key} is not a whole number`);
    return 0;
  };
  const limits: Limits = { parallelism: count("parallelism"), namespaceParallelism: count("namespaceParallelism") };
  const rate = read("resourceRateLimit") as Partial<Rate> | undefined;
  if (rate === undefined) return limits;
  const { limit, burst } = rate;
  if (typeof limit === "number" && limit > 0 && Number.isInteger(burst)) {
    return { ...limits, resourceRateLimit: { limit, burst: burst as number } };
  }
  complain(`ConfigMap ${controllerConfigMap}: resourceRateLimit needs a positive limit and a whole burst`);
  return limits;
}

/** The limit that a namespace's label gives. */
export function namespaceLimit(namespace: Namespace | undefined): number | undefined {
  const value = namespace?.metadata.labels?.[parallelismLabel];
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
