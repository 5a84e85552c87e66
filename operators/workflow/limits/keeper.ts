import type { ConfigMap } from "@capstan/api/generated/core-v1";
import { ConfigMaps, Namespaces } from "@capstan/api/generated/resources";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { type ObjectRef, refOf } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Informers } from "@capstan/core/reconcile";
import { isWorkflowOver } from "../engine/index.ts";
import { controllerConfigMap, type Limits, namespaceLimit, readLimits } from "./config.ts";
import { Gate } from "./gate.ts";
import { Throttle } from "./throttle.ts";

export interface LimitKeeperOptions {
  informers: Informers;
  log: Logger;
  /** Where workflow-controller-configmap is. */
  configNamespace: string;
  /** Called with a workflow that may run now. */
  wake(ref: ObjectRef): void;
}

/** Requests for pods under way at once. */
const atOnce = 64;

/** Limits as the cluster's objects say at any time; workflows that run are counted as they are seen. */
export function createLimits({ informers, log, configNamespace, wake }: LimitKeeperOptions) {
  let read: { map: ConfigMap | undefined; limits: Limits } | undefined;
  const limits = (): Limits => {
    const map = informers.informer(ConfigMaps).get({ namespace: configNamespace, name: controllerConfigMap });
    if (!read || read.map !== map) {
      read = { map, limits: readLimits(map, (problem) => log.warn("a limit is ignored", { problem })) };
    }
    return read.limits;
  };
  const throttle = new Throttle({
    total: () => limits().parallelism,
    of: (name) => namespaceLimit(informers.informer(Namespaces).get({ name })) ?? limits().namespaceParallelism,
    wake,
  });
  const gate = new Gate({ atOnce, rate: () => limits().resourceRateLimit });
  informers.informer(Workflows).onChange(({ type, object }) => {
    if (type === "DELETED" || isWorkflowOver(object.status?.phase)) throttle.release(refOf(object));
    else if (object.status?.phase === "Running") throttle.adopt(refOf(object));
  });
  informers.informer(Namespaces).onChange(() => throttle.refill());
  informers.informer(ConfigMaps).onChange(({ object: { metadata } }) => {
    if (metadata.name === controllerConfigMap && metadata.namespace === configNamespace) throttle.refill();
  });
  /** Whether a workflow that has not begun may do so; else it is woken when it may. */
  const admits = (workflow: Workflow): boolean => {
    const { metadata, status, spec } = workflow;
    if (status?.startedAt || spec.shutdown === "Terminate") return true;
    const rank = { priority: spec.priority ?? 0, createdAt: String(metadata.creationTimestamp ?? "") };
    return throttle.admit(refOf(workflow), rank);
  };
  return { gate, admits };
}
