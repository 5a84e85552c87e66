import type { Pod } from "@capstan/api/generated/core-v1";
import type { Recorder } from "@capstan/core/reconcile";
import { containersOf } from "./views.ts";

type EventSubject = Parameters<Recorder["normal"]>[0];

export const aboutPod = (pod: Pod): EventSubject => ({ apiVersion: "v1", kind: "Pod", metadata: pod.metadata });

/** A container as the subject of an event: `spec.containers{web}`. */
export function aboutContainer(pod: Pod, name: string): EventSubject {
  const role = containersOf(pod).find(({ spec }) => spec.name === name)?.role;
  const list = {
    main: "containers",
    init: "initContainers",
    sidecar: "initContainers",
    ephemeral: "ephemeralContainers",
  };
  return { ...aboutPod(pod), fieldPath: `spec.${list[role ?? "main"]}{${name}}` };
}

/** `name_namespace(uid)`, as the kubelet names a pod in its messages. */
export function longName(pod: Pod): string {
  const { name, namespace, uid } = pod.metadata;
  return `${name}_${namespace}(${uid})`;
}
