import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";

/** Where the agent keeps what belongs to a pod. */
export interface PodPaths {
  /** All of it but the logs. */
  root: string;
  volume(name: string): string;
  container(name: string): string;
  /** Directory of the pod's logs: `<namespace>_<name>_<uid>`, as the kubelet names it. */
  logs: string;
  /** Of one container's logs. */
  logDirectory(container: string): string;
  log(container: string, attempt: number): string;
  /** Of the node, not the pod: seccomp profiles that pods may name. */
  profiles: string;
}

/** Names of the API are labels of DNS, so none leads out of its directory; a UID is checked here. */
export function podPaths(dataDir: string, pod: Pod): PodPaths {
  const { uid = "", name, namespace } = pod.metadata;
  if (!/^[A-Za-z0-9-]+$/.test(uid)) throw new Error(`pod ${namespace}/${name}: "${uid}" is no UID`);
  const root = join(dataDir, "pods", uid);
  const logs = join(dataDir, "logs", `${namespace}_${name}_${uid}`);
  return {
    root,
    logs,
    volume: (volume) => join(root, "volumes", volume),
    container: (container) => join(root, "containers", container),
    logDirectory: (container) => join(logs, container),
    log: (container, attempt) => join(logs, container, `${attempt}.log`),
    profiles: join(dataDir, "seccomp"),
  };
}
