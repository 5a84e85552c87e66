// Which parts of an object each subresource may change.
import type { KubeObject } from "@capstan/api/meta";
import type { Call } from "./call.ts";

type WithStatus = KubeObject & { status?: unknown };

const systemFields = ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] as const;

/** What no client may change. */
export function keepSystemMetadata(object: KubeObject, old: KubeObject): void {
  const target = object.metadata as unknown as Record<string, unknown>;
  for (const field of systemFields) {
    if (old.metadata[field] === undefined) delete target[field];
    else target[field] = old.metadata[field];
  }
  target.uid ||= old.metadata.uid;
  target.resourceVersion = old.metadata.resourceVersion;
  if (target.managedFields === undefined && old.metadata.managedFields) {
    target.managedFields = structuredClone(old.metadata.managedFields);
  }
}

/** `/status` changes the status alone, everything else leaves it. */
export function keepOtherParts({ kind }: Call, subresource: string, object: KubeObject, old: KubeObject): void {
  const [next, before] = [object as WithStatus, old as WithStatus];
  if (subresource === "status") {
    const status = next.status;
    for (const key of Object.keys(next)) {
      if (key !== "metadata") delete (next as unknown as Record<string, unknown>)[key];
    }
    const { status: _old, metadata, ...rest } = structuredClone(before);
    Object.assign(next, rest);
    if (kind.custom) next.metadata = { ...metadata, managedFields: next.metadata.managedFields };
    if (next.metadata.managedFields === undefined) delete next.metadata.managedFields;
    if (status !== undefined) next.status = status;
    if (metadata.ownerReferences) next.metadata.ownerReferences = metadata.ownerReferences;
    else delete next.metadata.ownerReferences;
    if (kind.group === "apps" && kind.resource === "deployments") keepLabels(next, metadata.labels);
    return;
  }
  if (changed[subresource]) keepAllBut(subresource, next, before);
  else if (subresource === "" && kind.statusSubresource) {
    if (before.status === undefined) delete next.status;
    else next.status = structuredClone(before.status);
  }
}

/** Source: upstream's deploymentStatusStrategy. */
function keepLabels({ metadata }: WithStatus, labels: Record<string, string> | undefined): void {
  if (labels) metadata.labels = labels;
  else delete metadata.labels;
}

type Loose = Record<string, Record<string, unknown> | undefined>;

/** What each subresource may change, beside metadata: path of two names. */
const changed: Record<string, [string, string]> = {
  finalize: ["spec", "finalizers"],
  approval: ["status", "conditions"],
  ephemeralcontainers: ["spec", "ephemeralContainers"],
  resize: ["spec", "containers"],
};

/** A subresource takes its own part of what was sent and leaves the rest as it was. */
function keepAllBut(subresource: string, next: WithStatus, before: WithStatus): void {
  const [outer, inner] = changed[subresource] ?? ["", ""];
  const sent = (next as unknown as Loose)[outer]?.[inner];
  const { metadata } = next;
  for (const key of Object.keys(next)) delete (next as unknown as Record<string, unknown>)[key];
  Object.assign(next, structuredClone(before));
  const { managedFields, resourceVersion, labels, annotations, finalizers } = metadata;
  Object.assign(next.metadata, { managedFields, resourceVersion, labels, annotations, finalizers });
  const target = next as unknown as Loose;
  target[outer] ??= {};
  if (sent === undefined) delete target[outer][inner];
  else target[outer][inner] = sent;
}
