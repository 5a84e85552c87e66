// A pod from a file on the node. Source: k8s.io/kubernetes pkg/kubelet/config common.go.
import { createHash } from "node:crypto";
import type { Pod } from "@capstan/api/generated/core-v1";
import { parse } from "yaml";
import { referencesOf } from "../sources.ts";

/** Bytes of a manifest. */
export const manifestLimit = 1024 * 1024;

export const annotations = {
  source: "kubernetes.io/config.source",
  hash: "kubernetes.io/config.hash",
  seen: "kubernetes.io/config.seen",
  mirror: "kubernetes.io/config.mirror",
} as const;

/** The pod that a manifest asks for, with a UID of its content. @throws Error naming what is wrong with it */
export function readManifest(text: string, path: string, nodeName: string): Pod {
  const value: unknown = parse(text, { maxAliasCount: 100 });
  if (typeof value !== "object" || value === null) throw new Error("it is no object");
  const { apiVersion, kind, metadata, spec } = value as Partial<Pod>;
  if (apiVersion !== "v1" || kind !== "Pod")
    throw new Error(`apiVersion and kind must be v1 and Pod, not ${apiVersion} and ${kind}`);
  if (!metadata?.name) throw new Error("metadata.name: Required value");
  if (!spec) throw new Error("spec: Required value");
  const uid = createHash("md5")
    .update(`${nodeName}\n${path}\n${JSON.stringify(value)}`)
    .digest("hex");
  const pod: Pod = {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: `${metadata.name}-${nodeName.toLowerCase()}`,
      namespace: metadata.namespace || "default",
      uid,
      annotations: { ...metadata.annotations, [annotations.source]: "file", [annotations.hash]: uid },
    },
    spec: {
      ...spec,
      nodeName,
      // A pod of the node's own outlives whatever befalls the node.
      tolerations: [...(spec.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
    },
  };
  refuseReferences(pod);
  return pod;
}

/** It runs without asking the API for anything. */
function refuseReferences(pod: Pod): void {
  const [reference] = referencesOf(pod);
  if (reference) throw new Error(`a static pod cannot refer to ${reference}`);
  if (pod.spec?.serviceAccountName) throw new Error("spec.serviceAccountName: a static pod has no service account");
  for (const [index, volume] of (pod.spec?.volumes ?? []).entries()) {
    const kind = volume.persistentVolumeClaim ? "persistentVolumeClaim" : volume.ephemeral ? "ephemeral" : undefined;
    if (kind) throw new Error(`spec.volumes[${index}].${kind}: a static pod cannot use claims`);
    const token = volume.projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken);
    if (token) throw new Error(`spec.volumes[${index}].projected: a static pod has no service account`);
  }
}
