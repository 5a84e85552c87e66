import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { Attributes } from "../request.ts";

/** The pod that is being created; undefined for any other write. */
export function createdPod({ operation, info, object }: Attributes): Pod | undefined {
  const isPod = info.group === "" && info.resource === "pods" && info.subresource === "";
  return isPod && operation === "CREATE" ? (object as Pod | undefined) : undefined;
}

/** Containers of a pod with their places, the ones that run first at the start. */
export function containersOf({ spec }: Pick<Pod, "spec">): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
}

/** A pod that a node's agent made from a file: it only mirrors what runs already. */
export function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined;
}
