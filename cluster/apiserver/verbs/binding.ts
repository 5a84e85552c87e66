// Binding: a pod gets its node.
import type { Binding, Pod } from "@capstan/api/generated/core-v1";
import { type KubeObject, StatusError } from "@capstan/api/meta";
import { builtinSchema, normalize, TypeMismatch } from "@capstan/api/schema";
import { readBody } from "../body.ts";
import { conflict } from "../field-errors.ts";
import { admit, attributesOf, type Call, type Core, validateAdmission } from "./call.ts";
import { change } from "./update.ts";
import { writeOptionsOf } from "./write-options.ts";

export async function readAs<T>(call: Call, type: string): Promise<T> {
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
  if (call.info.name && binding.metadata?.name && binding.metadata.name !== call.info.name) {
    throw new StatusError("BadRequest", "name in URL does not match name in Binding object");
  }
  const target = binding.target;
  if (!target?.name) {
    throw new StatusError("Unknown", "target.name: Required value");
  }
  if (target.kind && target.kind !== "Node") {
    throw new StatusError(
      "Unknown",
      `target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`,
    );
  }
  const kind = core.registry.require({ group: "", version: "v1", resource: "pods" });
  const { dryRun } = writeOptionsOf(call, "CreateOptions");
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
