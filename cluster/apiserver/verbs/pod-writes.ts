// The subresources of pods that write: binding and eviction.
import type { Binding, Pod } from "@capstan/api/generated/core-v1";
import type { Eviction, PodDisruptionBudget } from "@capstan/api/generated/policy-v1";
import { type KubeObject, StatusError, selects } from "@capstan/api/meta";
import { builtinSchema, normalize, TypeMismatch } from "@capstan/api/schema";
import { readBody } from "../body.ts";
import { conflict } from "../field-errors.ts";
import { admit, attributesOf, type Call, type Core, validateAdmission } from "./call.ts";
import { dryRunOf } from "./decode.ts";
import { removeOne } from "./delete.ts";
import { change } from "./update.ts";

async function readAs<T>(call: Call, type: string): Promise<T> {
  const { value } = await readBody(call.request);
  if (typeof value !== "object" || value === null) throw new StatusError("BadRequest", "the request has no body");
  try {
    normalize(value, builtinSchema(type));
  } catch (thrown) {
    if (thrown instanceof TypeMismatch) throw new StatusError("BadRequest", thrown.message);
    throw thrown;
  }
  return value as T;
}

/** Assigns a pod to a node. Throws Conflict when it has one, or is being deleted. */
export async function bind(core: Core, call: Call): Promise<void> {
  const binding = await readAs<Binding>(call, "core/v1.Binding");
  const name = call.info.name || binding.metadata?.name || "";
  const target = binding.target;
  if (!target?.name) {
    throw new StatusError("Invalid", `Binding "${name}" is invalid: target.name: Required value`);
  }
  if (target.kind && target.kind !== "Node") {
    throw new StatusError(
      "Invalid",
      `Binding "${name}" is invalid: target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`,
    );
  }
  const kind = core.registry.require({ group: "", version: "v1", resource: "pods" });
  const dryRun = dryRunOf(call.info.query.getAll("dryRun"));
  const of = { group: "", version: "v1", kind: "Binding" };
  const attributes = attributesOf(call, "CREATE", { object: binding, name, kind: of }, dryRun);
  await admit(core, attributes);
  await validateAdmission(core, attributes);
  await change(
    core,
    { ...call, kind },
    {
      dryRun,
      // Neither the owner of the field nor the generation moves.
      manager: "",
      subresource: "binding",
      operationKind: of,
      ref: { name, namespace: call.info.namespace },
      next: (old) => assign(old as Pod, binding, target.name ?? ""),
    },
  );
}

function assign(pod: Pod, binding: Binding, node: string): KubeObject {
  const refuse = (detail: string) => conflict({ group: "", resource: "pods/binding" }, pod.metadata.name, detail);
  if (binding.metadata?.uid && binding.metadata.uid !== pod.metadata.uid) {
    throw refuse(
      `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${pod.metadata.uid}`,
    );
  }
  if (pod.metadata.deletionTimestamp)
    throw refuse(`pod ${pod.metadata.name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName)
    throw refuse(`pod ${pod.metadata.name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if (pod.spec.schedulingGates?.length) throw refuse(`pod ${pod.metadata.name} has non-empty .spec.schedulingGates`);
  pod.spec.nodeName = node;
  if (binding.metadata?.annotations)
    pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  pod.status ??= {};
  const conditions = (pod.status.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`;
  pod.status.conditions = [...conditions, { type: "PodScheduled", status: "True", lastTransitionTime }];
  delete pod.metadata.resourceVersion;
  return pod;
}

/** Deletes a pod unless a PodDisruptionBudget forbids it: then TooManyRequests. Source: upstream's eviction storage. */
export async function evict(core: Core, call: Call): Promise<void> {
  const eviction = await readAs<Eviction>(call, "policy/v1.Eviction");
  const { namespace, name } = call.info;
  const record = core.objects.require(call.kind, { namespace, name });
  const pod = core.objects.read(call.kind, record) as Pod;
  const attributes = attributesOf(
    call,
    "CREATE",
    { object: eviction as unknown as KubeObject, kind: { group: "policy", version: "v1", kind: "Eviction" } },
    false,
  );
  await admit(core, attributes);
  await validateAdmission(core, attributes);
  const options = eviction.deleteOptions ?? {};
  options.dryRun ??= call.info.query.getAll("dryRun");
  const over = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed" || pod.status?.phase === "Pending";
  if (!over && !pod.metadata.deletionTimestamp) await takeFromBudget(core, call, pod, dryRunOf(options.dryRun));
  await removeOne(core, call, options);
}

async function takeFromBudget(core: Core, call: Call, pod: Pod, dryRun: boolean): Promise<void> {
  const kind = core.registry.require({ group: "policy", version: "v1", resource: "poddisruptionbudgets" });
  const { records } = core.objects.list(kind, call.info.namespace);
  const budgets = records
    .map((record) => core.objects.read(kind, record) as PodDisruptionBudget)
    .filter(({ spec }) => selects(spec.selector, pod.metadata.labels));
  if (budgets.length > 1) {
    throw new StatusError(
      "InternalError",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  const [budget] = budgets;
  if (!budget) return;
  const info = {
    ...call.info,
    resource: "poddisruptionbudgets",
    group: "policy",
    name: budget.metadata.name,
    subresource: "status",
  };
  await change(
    core,
    { ...call, kind, info },
    {
      dryRun,
      manager: "",
      subresource: "status",
      next(old) {
        const { status } = old as PodDisruptionBudget;
        if (!status || (status.disruptionsAllowed ?? 0) <= 0) throw tooManyDisruptions(budget);
        status.disruptionsAllowed--;
        status.disruptedPods = {
          ...status.disruptedPods,
          [pod.metadata.name]: `${new Date().toISOString().slice(0, 19)}Z`,
        };
        delete old.metadata.resourceVersion;
        return old;
      },
    },
  );
}

function tooManyDisruptions({ metadata, status }: PodDisruptionBudget): StatusError {
  const detail = `The disruption budget ${metadata.name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`;
  return new StatusError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: "DisruptionBudget", message: detail }],
  });
}
