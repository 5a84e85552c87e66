import { equal, type KubeObject } from "@capstan/api/meta";
import type { Kind } from "./kind.ts";

/** Resources that count the versions of their spec. Source: upstream's strategies that set Generation. */
const counted = new Set([
  "apps/daemonsets",
  "apps/deployments",
  "apps/replicasets",
  "apps/statefulsets",
  "/replicationcontrollers",
  "/pods",
  "/podtemplates",
  "batch/cronjobs",
  "batch/jobs",
  "policy/poddisruptionbudgets",
  "networking.k8s.io/ingresses",
  "networking.k8s.io/ingressclasses",
  "networking.k8s.io/networkpolicies",
  "apiextensions.k8s.io/customresourcedefinitions",
  "admissionregistration.k8s.io/mutatingwebhookconfigurations",
  "admissionregistration.k8s.io/validatingwebhookconfigurations",
  "admissionregistration.k8s.io/validatingadmissionpolicies",
  "admissionregistration.k8s.io/validatingadmissionpolicybindings",
  "flowcontrol.apiserver.k8s.io/flowschemas",
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
  "scheduling.k8s.io/priorityclasses",
  "discovery.k8s.io/endpointslices",
  "resource.k8s.io/deviceclasses",
  "resource.k8s.io/resourceslices",
]);

export function countsGenerations(kind: Kind): boolean {
  return kind.custom !== undefined || counted.has(`${kind.group}/${kind.resource}`);
}

/** Sets the generation of an updated object: one more when anything but metadata and status changed. */
export function moveGeneration(kind: Kind, object: KubeObject, old: KubeObject, subresource: string): void {
  const { generation } = old.metadata;
  if (generation === undefined) delete object.metadata.generation;
  else object.metadata.generation = generation;
  if (!countsGenerations(kind) || subresource === "binding") return;
  if (!equal(body(kind, object), body(kind, old))) object.metadata.generation = (generation ?? 0) + 1;
}

/** Without a status subresource the status counts too. */
function body(kind: Kind, object: KubeObject): Record<string, unknown> {
  const { apiVersion: _version, metadata: _metadata, ...rest } = object as KubeObject & { status?: unknown };
  if (kind.statusSubresource || !kind.custom) delete rest.status;
  return rest;
}
