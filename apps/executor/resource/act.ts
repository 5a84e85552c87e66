// The verbs of resource templates.
import { createHash } from "node:crypto";
import type { ResourceTemplate } from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, type New, type ObjectRef, type Resource } from "@capstan/api/meta";
import { waitGone } from "@capstan/core/client";
import type { Step } from "../step.ts";
import type { Flags } from "./flags.ts";
import type { Target } from "./target.ts";

/** Does it. Answers the object as it is then; undefined where there is none. */
export async function act(
  step: Step,
  template: ResourceTemplate,
  target: Target,
  flags: Flags,
): Promise<KubeObject | undefined> {
  const { client } = step;
  const { resource, ref, manifest } = target;
  const { dryRun, fieldManager = "argoexec", subresource } = flags;
  const write = { dryRun, fieldManager, fieldValidation: flags.validation, ...(subresource ? { subresource } : {}) };
  switch (template.action) {
    case "create":
      return createOnce(step, resource, owned(step, template, target), ref, write);
    case "apply":
      return client.apply(resource, owned(step, template, target), { ...write, force: true });
    case "replace": {
      const object = owned(step, template, target);
      const present = await client.get(resource, ref);
      const metadata = { ...object.metadata, resourceVersion: present.metadata.resourceVersion };
      return client.update(resource, { ...object, metadata } as KubeObject, write);
    }
    case "get":
      return flags.ignoreNotFound ? client.find(resource, ref) : client.get(resource, ref);
    case "delete":
      await remove(step, target, flags);
      return undefined;
    case "patch":
      return client.patch(resource, ref, patchOf(template, manifest), write);
    default:
      throw new Error(
        `resource.action ${JSON.stringify(template.action)} is none of create, apply, replace, patch, delete, get`,
      );
  }
}

/** One object, or all that are selected; what is not there is gone already. */
async function remove(step: Step, { resource, ref }: Target, flags: Flags): Promise<void> {
  const { client, container } = step;
  const { gracePeriodSeconds, cascade, selector, fieldSelector } = flags;
  const { namespace } = ref;
  const scope = {
    ...(namespace ? { namespace } : {}),
    ...(selector ? { labelSelector: selector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
  };
  const present = ref.name ? [await client.find(resource, ref)] : (await client.list(resource, scope)).items;
  for (const object of present) {
    if (!object) continue;
    const { name, uid = "" } = object.metadata;
    try {
      await client.delete(
        resource,
        { ...ref, name },
        {
          propagationPolicy: cascade ?? "Background",
          preconditions: { uid },
          ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
        },
      );
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
    step.container.print(`deleted: ${resource.kind} ${name}`);
  }
  if (!flags.wait) return;
  for (const object of present) {
    if (object)
      await waitGone(
        client,
        resource,
        { ...ref, name: object.metadata.name },
        object.metadata.uid ?? "",
        container.signal,
      );
  }
}

const madeBy = "capstan.dev/made-by-pod";

/** An executor that was started again meets what it has made. */
async function createOnce(
  { client, container }: Step,
  resource: Resource,
  object: New<KubeObject>,
  ref: ObjectRef,
  write: object,
): Promise<KubeObject> {
  const { uid = "" } = container.pod.metadata;
  const name = ref.name || generated(object.metadata.generateName, uid);
  const annotations = { ...object.metadata.annotations, [madeBy]: uid };
  try {
    return await client.create(resource, { ...object, metadata: { ...object.metadata, name, annotations } }, write);
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
    const there = await client.get(resource, { ...ref, name });
    if (there.metadata.annotations?.[madeBy] !== uid) throw error;
    return there;
  }
}

/** The name is the pod's choice, always the same: made by the server, a second try would make a second object. */
function generated(prefix: string | undefined, uid: string): string {
  if (!prefix) throw new Error("resource.manifest: metadata.name or metadata.generateName is required");
  const letters = "bcdfghjklmnpqrstvwxz2456789";
  const bytes = createHash("sha256").update(uid).digest().subarray(0, 5);
  return prefix + [...bytes].map((byte) => letters[byte % letters.length]).join("");
}

function patchOf({ mergeStrategy = "strategic" }: ResourceTemplate, manifest: unknown) {
  if (mergeStrategy === "json") {
    if (!Array.isArray(manifest))
      throw new Error("resource.manifest must be a list of operations for mergeStrategy json");
    return { type: "json" as const, body: manifest as { op: string; path: string }[] };
  }
  if (mergeStrategy !== "strategic" && mergeStrategy !== "merge") {
    throw new Error(`resource.mergeStrategy ${JSON.stringify(mergeStrategy)} is none of strategic, merge, json`);
  }
  return { type: mergeStrategy, body: manifest } as { type: "strategic" | "merge"; body: unknown };
}

function owned(
  { workflow }: Step,
  { setOwnerReference, action }: ResourceTemplate,
  { manifest, ref }: Target,
): New<KubeObject> {
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest))
    throw new Error(`resource.manifest is required to ${action}`);
  const object = manifest as New<KubeObject>;
  const metadata = { ...object.metadata, ...(ref.namespace ? { namespace: ref.namespace } : {}) };
  if (setOwnerReference) {
    const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: workflow.name, uid: workflow.uid };
    metadata.ownerReferences = [...(metadata.ownerReferences ?? []), owner];
  }
  return { ...object, metadata };
}
