// Which objects a resource template means: by its manifest, by an artifact with one, or by its flags.
import { readFile, rm, stat } from "node:fs/promises";
import type { ResourceTemplate } from "@capstan/api/kinds/workflow";
import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";
import { yamlAsGo } from "@capstan/operators/workflow";
import { parseAllDocuments } from "yaml";
import { load } from "../load.ts";
import type { Step } from "../step.ts";
import type { Flags } from "./flags.ts";
import { findKind, findNamed } from "./kinds.ts";

export interface Target {
  resource: Resource<KubeObject>;
  /** Its name is empty where the server is to make one, or where many are selected. */
  ref: ObjectRef;
  /** What the manifest says; a patch may say no kind. */
  manifest: unknown;
}

/** Largest manifest, bytes: what an object of the cluster may have. */
const manifestLimit = 3 * 1024 * 1024;
/** Where an artifact with a manifest is put: a volume of the pod's. */
const manifestPath = "/var/run/argo/manifest";

/** @throws Error where nothing is meant, or what is meant is unknown to the server. */
export async function findTargets(step: Step, template: ResourceTemplate, flags: Flags): Promise<Target[]> {
  const manifests = parseManifests(await manifestOf(step, template));
  const said = manifests.filter((one) => isObject(one) && one.kind && one.apiVersion) as KubeObject[];
  if (said.length > 0) {
    if (said.length < manifests.length) throw new Error("resource.manifest: each object needs apiVersion and kind");
    return Promise.all(said.map((object) => targetOf(step, object, flags)));
  }
  const { kind, names, selector, fieldSelector, all } = flags;
  const many = selector !== undefined || fieldSelector !== undefined || all;
  if (!kind || (names.length === 0 && !many))
    throw new Error("resource.manifest must say apiVersion and kind, or resource.flags a kind and a name");
  const resource = await findNamed(step.client, kind);
  const namespace = flags.namespace ?? step.namespace;
  return (names.length > 0 ? names : [""]).map((name) => ({
    resource,
    ref: resource.namespaced ? { namespace, name } : { name },
    manifest: manifests[0],
  }));
}

async function targetOf(step: Step, object: KubeObject, flags: Flags): Promise<Target> {
  const resource = await findKind(step.client, object.apiVersion ?? "", object.kind ?? "");
  const namespace = object.metadata?.namespace ?? flags.namespace ?? step.namespace;
  const name = object.metadata?.name ?? "";
  return { resource, ref: resource.namespaced ? { namespace, name } : { name }, manifest: object };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

async function manifestOf(step: Step, { manifest, manifestFrom }: ResourceTemplate): Promise<string | undefined> {
  if (!manifestFrom) return manifest;
  const { name } = manifestFrom.artifact;
  const artifact = step.template.inputs?.artifacts?.find((input) => input.name === name);
  if (!artifact) throw new Error(`resource.manifestFrom.artifact: the template has no input artifact ${name}`);
  const host = step.container.resolve(step.container.name, manifestPath);
  try {
    if (!(await load(step, artifact, host))) throw new Error(`input artifact ${name} is not there`);
    const { size } = await stat(host);
    if (size > manifestLimit)
      throw new Error(`input artifact ${name} has ${size} bytes, a manifest at most ${manifestLimit}`);
    return await readFile(host, "utf8");
  } finally {
    await rm(host, { recursive: true, force: true });
  }
}

function parseManifests(text: string | undefined): unknown[] {
  if (!text?.trim()) return [];
  const documents = parseAllDocuments(text, yamlAsGo);
  const values: unknown[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error) throw new Error(`resource.manifest is neither JSON nor YAML: ${error.message.split("\n")[0]}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value !== null && value !== undefined) values.push(value);
  }
  return values;
}
