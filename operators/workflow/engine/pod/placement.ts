// What a workflow and its templates say alike of all their pods, and the patches of both.
import type { PodSpec } from "@capstan/api/generated/core-v1";
import type { Template } from "@capstan/api/kinds/workflow";
import { applyStrategicMerge, builtinSchema } from "@capstan/api/schema";
import { ExpressionError } from "../../expressions/index.ts";
import type { Run } from "../run.ts";
import { readYaml } from "./yaml.ts";

export function placement(run: Run, template: Template): Partial<PodSpec> {
  const { spec } = run;
  const either = <K extends keyof Template & keyof typeof spec>(key: K) => template[key] ?? spec[key];
  const fields: Partial<PodSpec> = {
    serviceAccountName: either("serviceAccountName") as string,
    automountServiceAccountToken: either("automountServiceAccountToken") as boolean,
    nodeSelector: either("nodeSelector") as Record<string, string>,
    affinity: either("affinity") as PodSpec["affinity"],
    tolerations: either("tolerations") as PodSpec["tolerations"],
    schedulerName: either("schedulerName") as string,
    securityContext: either("securityContext") as PodSpec["securityContext"],
    hostAliases: either("hostAliases") as PodSpec["hostAliases"],
    resources: either("podResources") as PodSpec["resources"],
    priorityClassName: template.priorityClassName ?? spec.podPriorityClassName,
    imagePullSecrets: spec.imagePullSecrets,
    hostNetwork: spec.hostNetwork,
    dnsPolicy: spec.dnsPolicy,
    dnsConfig: spec.dnsConfig,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
}

/** Adds that a pod is not to run on some nodes. */
export function away(affinity: PodSpec["affinity"], hosts: string[]): PodSpec["affinity"] {
  const elsewhere = { key: "kubernetes.io/hostname", operator: "NotIn", values: hosts };
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  // One of the terms has to hold: each gets it.
  const terms = required?.nodeSelectorTerms?.length ? required.nodeSelectorTerms : [{}];
  const nodeSelectorTerms = terms.map((term) => ({
    ...term,
    matchExpressions: [...(term.matchExpressions ?? []), elsewhere],
  }));
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution } };
}

/** @throws ExpressionError for a patch that is no object. */
export function patchSpec(given: PodSpec, patches: (string | undefined)[]): PodSpec {
  let spec = given;
  for (const text of patches) {
    if (!text) continue;
    const patch = readYaml(text, "podSpecPatch");
    if (typeof patch !== "object" || patch === null) throw new ExpressionError("podSpecPatch is not an object");
    spec = applyStrategicMerge(spec, patch, builtinSchema("core/v1.PodSpec")) as PodSpec;
  }
  return spec;
}
