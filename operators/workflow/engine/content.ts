// Steps that depend on nothing but their content: what they gave once they give again.
import { createHash } from "node:crypto";
import type { Artifact, Template } from "@capstan/api/kinds/workflow";
import { digestOf, locationOf } from "../lineage/location.ts";
import type { Run } from "./run.ts";

/** On a template: "content" when its outputs depend on its content alone. On a workflow: "off" to do all work again. */
const annotation = "capstan.dev/memoize";
/** In memoizationStatus, where others have a ConfigMap's name: no ConfigMap is named so. */
export const contentCache = "capstan.dev/content";

/** Of a template's fields those that have no part in what it gives. */
const irrelevant = new Set([
  "name",
  "inputs",
  "synchronization",
  "retryStrategy",
  "timeout",
  "pendingTimeout",
  "activeDeadlineSeconds",
  "archiveLocation",
  "affinity",
  "nodeSelector",
  "tolerations",
  "schedulerName",
  "priorityClassName",
]);

/**
 * The digest of all that a step's outputs depend on: its template with the image and the parameters' values, and the
 * content of its input artifacts, which is noted in the template where it has to be looked up. "asked" until that is
 * known. Undefined when it is not asked for, or when something else has a part in it: content that is not known, volumes,
 * Secrets, patches of the pod, places of outputs that the template itself chooses.
 * @param template of the node alone, with its inputs' values
 */
export function contentKeyOf(run: Run, template: Template, node: string): string | "asked" | undefined {
  if (template.metadata?.annotations?.[annotation] !== "content") return undefined;
  if (run.workflow.metadata.annotations?.[annotation] === "off") return undefined;
  if (!run.world.recallContent || !isSelfContained(template) || run.spec.podSpecPatch) return undefined;
  const known = lookUp(run, template.inputs?.artifacts ?? [], node);
  if (known === "asked") return "asked";
  if (known.length > 0) template.inputs = { ...template.inputs, artifacts: known };
  const artifacts = known.map(contentOf);
  if (artifacts.includes(undefined)) return undefined;
  const parameters = (template.inputs?.parameters ?? []).map(({ name, value }) => ({ name, value: value ?? null }));
  const own = Object.fromEntries(Object.entries(template).filter(([field]) => !irrelevant.has(field)));
  const text = canonical({ version: 1, template: own, parameters, artifacts });
  if (text.includes("{{")) return undefined;
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** The artifacts with the digests of those that no step has made. */
function lookUp(run: Run, artifacts: Artifact[], node: string): Artifact[] | "asked" {
  let asked = false;
  const known = artifacts.map((artifact) => {
    if (locationOf(artifact) === undefined || digestOf(artifact) !== undefined) return artifact;
    const digest = run.world.contentDigest?.(artifact, node);
    if (digest === "asked") asked = true;
    return digest === undefined || digest === "asked" ? artifact : { ...artifact, digest };
  });
  return asked ? "asked" : known;
}

/** An artifact that is nowhere is optional and not there. */
function contentOf(artifact: Artifact): object | undefined {
  const { name, path, mode, recurseMode } = artifact;
  const about = { name, path, mode, recurseMode };
  if (locationOf(artifact) === undefined) return about;
  const digest = digestOf(artifact);
  return digest === undefined ? undefined : { ...about, digest };
}

function isSelfContained(template: Template): boolean {
  const { container, script, containerSet, initContainers, sidecars } = template;
  if (!container && !script && !containerSet) return false;
  if (template.podSpecPatch || template.daemon || template.volumes?.length) return false;
  const containers = JSON.stringify([container, script, containerSet, initContainers, sidecars]);
  if (/"(valueFrom|envFrom|volumeMounts|volumeDevices)":[[{][^\]}]/.test(containers)) return false;
  return (template.outputs?.artifacts ?? []).every((artifact) => locationOf(artifact) === undefined);
}

/** JSON whose fields are in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
