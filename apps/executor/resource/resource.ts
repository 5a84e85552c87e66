import type { Outputs, Parameter, ResourceTemplate } from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, type New, type ObjectRef, type Resource } from "@capstan/api/meta";
import { kubectlJsonPath, queryJq } from "@capstan/operators/workflow";
import { parse } from "yaml";
import { report } from "../report.ts";
import type { Step } from "../step.ts";
import { holds, parseConditions } from "./condition.ts";
import { findKind, findNamed } from "./kinds.ts";

interface Target {
  resource: Resource<KubeObject>;
  ref: ObjectRef;
  manifest: unknown;
}

export async function runResource(step: Step): Promise<number> {
  const template = step.template.resource;
  if (!template) throw new Error("the template is not of type resource");
  const success = parseConditions(template.successCondition ?? "");
  const failure = parseConditions(template.failureCondition ?? "");
  const target = await findTarget(step, template);
  const name = `${target.resource.kind} ${target.ref.namespace ? `${target.ref.namespace}/` : ""}${target.ref.name}`;
  const object = await act(step, template, target);
  step.container.print(`${template.action}: ${name}`);
  if (!object) {
    await report(step, { outputs: {}, complete: true });
    return 0;
  }
  const ref = { ...target.ref, name: object.metadata.name };
  let last = object;
  if (success.length + failure.length > 0) {
    for await (const event of step.client.watch(target.resource, watchOf(step, ref))) {
      if (event.type === "BOOKMARK") continue;
      if (event.type === "DELETED") throw new Error(`${name} was deleted while its conditions were waited for`);
      last = event.object;
      const failed = failure.find((condition) => holds(condition, last));
      if (failed) throw new Error(`failure condition '${template.failureCondition}' evaluated true`);
      if (success.length > 0 && success.every((condition) => holds(condition, last))) break;
    }
    if (step.container.signal.aborted) return 143;
  }
  await report(step, { outputs: outputsOf(step, last), complete: true });
  return 0;
}

const watchOf = (step: Step, { namespace, name }: ObjectRef) => ({
  fieldSelector: `metadata.name=${name}`,
  signal: step.container.signal,
  ...(namespace ? { namespace } : {}),
});

function readManifest(text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new Error(`resource.manifest is neither JSON nor YAML: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** The object: as the manifest says, or as the flags `[kind, name]` or `[kind/name]` do. */
async function findTarget(step: Step, template: ResourceTemplate): Promise<Target> {
  const manifest = readManifest(template.manifest);
  const said = manifest as Partial<KubeObject> | undefined;
  if (said && !Array.isArray(manifest) && said.kind && said.apiVersion) {
    const resource = await findKind(step.client, said.apiVersion, said.kind);
    const namespace = said.metadata?.namespace ?? step.namespace;
    const name = said.metadata?.name ?? "";
    return { resource, ref: resource.namespaced ? { namespace, name } : { name }, manifest };
  }
  const flags = (template.flags ?? []).filter((flag) => !flag.startsWith("-"));
  const [kind, name] = flags.length === 1 ? (flags[0]?.split("/") ?? []) : flags;
  if (!kind || !name)
    throw new Error("resource.manifest must say apiVersion and kind, or resource.flags a kind and a name");
  const resource = await findNamed(step.client, kind);
  return { resource, ref: resource.namespaced ? { namespace: step.namespace, name } : { name }, manifest };
}

async function act(
  step: Step,
  template: ResourceTemplate,
  { resource, ref, manifest }: Target,
): Promise<KubeObject | undefined> {
  const { client } = step;
  const object = owned(step, template, manifest, ref) as New<KubeObject>;
  switch (template.action) {
    case "create":
      return createOnce(step, resource, object, ref);
    case "apply":
      return client.apply(resource, object, { fieldManager: "argoexec", force: true });
    case "replace": {
      const present = await client.get(resource, ref);
      const metadata = { ...object.metadata, resourceVersion: present.metadata.resourceVersion };
      return client.update(resource, { ...object, metadata } as KubeObject);
    }
    case "get":
      return client.get(resource, ref);
    case "delete":
      try {
        await client.delete(resource, ref);
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
      return undefined;
    case "patch":
      return client.patch(resource, ref, patchOf(template, manifest));
    default:
      throw new Error(
        `resource.action ${JSON.stringify(template.action)} is none of create, apply, replace, patch, delete, get`,
      );
  }
}

/** An agent that was started again meets what it has made. */
async function createOnce(
  { client, container }: Step,
  resource: Resource,
  object: New<KubeObject>,
  ref: ObjectRef,
): Promise<KubeObject> {
  const annotations = { ...object.metadata.annotations, "capstan.dev/made-by-pod": container.pod.metadata.uid ?? "" };
  try {
    return await client.create(resource, { ...object, metadata: { ...object.metadata, annotations } });
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
    const there = await client.get(resource, ref);
    if (there.metadata.annotations?.["capstan.dev/made-by-pod"] !== container.pod.metadata.uid) throw error;
    return there;
  }
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
  { setOwnerReference }: ResourceTemplate,
  manifest: unknown,
  ref: ObjectRef,
): unknown {
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) return manifest;
  const object = manifest as KubeObject;
  const metadata = { ...object.metadata, ...(ref.namespace ? { namespace: ref.namespace } : {}) };
  if (setOwnerReference) {
    const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: workflow.name, uid: workflow.uid };
    metadata.ownerReferences = [...(metadata.ownerReferences ?? []), owner];
  }
  return { ...object, metadata };
}

function outputsOf({ template }: Step, object: KubeObject): Outputs {
  const parameters = (template.outputs?.parameters ?? []).flatMap(({ valueFrom, ...parameter }): Parameter[] => {
    const { jsonPath, jqFilter } = valueFrom ?? {};
    if (!valueFrom || (!jsonPath && !jqFilter)) return [];
    try {
      return [{ ...parameter, value: jsonPath ? kubectlJsonPath(jsonPath, object) : queryJq(jqFilter ?? "", object) }];
    } catch (error) {
      if (valueFrom.default === undefined)
        throw new Error(`output parameter ${parameter.name}: ${(error as Error).message}`);
      return [{ ...parameter, value: valueFrom.default }];
    }
  });
  return parameters.length > 0 ? { parameters } : {};
}
