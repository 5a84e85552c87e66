// Eviction: a pod is deleted as far as disruption budgets let it.
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Eviction, PodDisruptionBudget } from "@capstan/api/generated/policy-v1";
import { type KubeObject, StatusError, selects } from "@capstan/api/meta";
import { timeNow } from "../metadata.ts";
import { readAs } from "./binding.ts";
import { admit, attributesOf, type Call, type Core, validateAdmission } from "./call.ts";
import { dryRunOf } from "./decode.ts";
import { removeOne } from "./delete.ts";
import { change } from "./update.ts";

/** Deletes a pod unless a PodDisruptionBudget forbids it: then TooManyRequests. Source: upstream's eviction storage. */
export async function evict(core: Core, call: Call): Promise<void> {
  const eviction = await readAs<Eviction>(call, "policy/v1.Eviction");
  const { namespace, name } = call.info;
  const { apiVersion = "policy/v1", kind = "Eviction" } = eviction;
  if (apiVersion !== "policy/v1" || kind !== "Eviction") {
    const version = JSON.stringify(apiVersion.split("/").at(-1));
    const unknown = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`;
    throw new StatusError(
      "BadRequest",
      `${kind} in version ${version} cannot be handled as a Eviction: ${unknown} in scheme "pkg/runtime/scheme.go:110"`,
    );
  }
  if (eviction.metadata?.name && eviction.metadata.name !== name) {
    throw new StatusError("BadRequest", "name in URL does not match name in Eviction object");
  }
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
      "Unknown",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  const [budget] = budgets;
  if (!budget || mayGoUnhealthy(pod, budget)) return;
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
      // The server asks itself.
      manager: "kube-apiserver",
      subresource: "status",
      next(old) {
        takeOne(old as PodDisruptionBudget, pod);
        delete old.metadata.resourceVersion;
        return old;
      },
    },
  );
}

/** A pod that is not ready counts for no budget that says so, or that is met. Source: upstream's EvictionREST. */
function mayGoUnhealthy(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (pod.status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True")) return false;
  if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** Confirmations that the controller may owe. Source: upstream's MaxDisruptedPodSize. */
const disruptedLimit = 2000;

function takeOne(budget: PodDisruptionBudget, pod: Pod): void {
  const { metadata, status } = budget;
  const refuse = (message: string, seconds?: number) =>
    new StatusError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: "DisruptionBudget", message }],
      ...(seconds ? { retryAfterSeconds: seconds } : {}),
    });
  if (!status || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw refuse(`The disruption budget ${metadata.name} is still being processed by the server.`, 10);
  }
  const forbidden = (detail: string) => {
    const details = { name: metadata.name, group: "policy", kind: "poddisruptionbudget" };
    return new StatusError(
      "Forbidden",
      `poddisruptionbudget.policy ${JSON.stringify(metadata.name)} is forbidden: ${detail}`,
      details,
    );
  };
  if (status.disruptionsAllowed < 0) throw forbidden("pdb disruptions allowed is negative");
  if (Object.keys(status.disruptedPods ?? {}).length > disruptedLimit) {
    throw forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (status.disruptionsAllowed === 0) {
    throw refuse(
      `The disruption budget ${metadata.name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
    );
  }
  status.disruptionsAllowed--;
  if (status.disruptionsAllowed === 0) setExhausted(budget);
  status.disruptedPods = { ...status.disruptedPods, [pod.metadata.name]: timeNow() };
}

/** The condition by which clients see that nothing more may go. */
function setExhausted({ status }: PodDisruptionBudget): void {
  if (!status) return;
  const type = "DisruptionAllowed";
  const before = status.conditions?.find((condition) => condition.type === type);
  const lastTransitionTime = before?.status === "False" ? before.lastTransitionTime : timeNow();
  const condition = {
    type,
    status: "False",
    observedGeneration: status.observedGeneration,
    lastTransitionTime,
    reason: "InsufficientPods",
    message: "",
  };
  const others = (status.conditions ?? []).filter((other) => other !== before);
  status.conditions = [...others, condition];
}
