// A pod's sandbox in the words of runtime.v1.
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { NamespaceOptions, PodSandboxConfig } from "../cri.ts";
import type { PodSandboxConfig as Message, NamespaceOption } from "./generated/runtime-v1.ts";

/** Labels that tell an instance's sandboxes and containers from others of the same runtime. */
export const instanceLabel = "capstan.io/instance";
/** Which record of the agent describes a sandbox or container. */
export const keyAnnotation = "capstan.io/record";

// Labels that tools for CRI look for. Source: k8s.io/kubelet pkg/types/labels.go.
export const kubeLabels = {
  name: "io.kubernetes.pod.name",
  namespace: "io.kubernetes.pod.namespace",
  uid: "io.kubernetes.pod.uid",
  container: "io.kubernetes.container.name",
};

export interface SandboxPlace {
  instance: string;
  key: string;
  /** Sandboxes that the pod had before. */
  attempt: number;
  cgroupParent: string;
}

export function sandboxMessage(config: PodSandboxConfig, place: SandboxPlace): Message {
  const { name, namespace, uid, namespaces, pod } = config;
  const containers = containersOf(pod);
  // A runtime lets privileged containers into privileged sandboxes alone: into any whose containers are not known.
  const privileged = !pod || containers.some(({ securityContext }) => securityContext?.privileged === true);
  return {
    metadata: { name, namespace, uid, attempt: place.attempt },
    // The node's own name stays what it is.
    hostname: namespaces.hostNetwork ? "" : config.hostname,
    ...(config.dns ? { dnsConfig: config.dns } : {}),
    // Containers give the whole path of their logs.
    logDirectory: "/",
    // Host ports are served by the platform, for pods of all runtimes alike.
    portMappings: [],
    labels: {
      ...config.labels,
      [kubeLabels.name]: name,
      [kubeLabels.namespace]: namespace,
      [kubeLabels.uid]: uid,
      [instanceLabel]: place.instance,
    },
    annotations: { [keyAnnotation]: place.key },
    linux: {
      cgroupParent: place.cgroupParent,
      sysctls: config.sysctls ?? {},
      securityContext: {
        namespaceOptions: namespaceOption(namespaces),
        privileged,
        seccomp: { profileType: privileged ? "Unconfined" : "RuntimeDefault" },
      },
    },
  };
}

/** Which namespaces a container shares with whom. */
export function namespaceOption(options: NamespaceOptions, targetId?: string): NamespaceOption {
  const own = targetId === undefined ? ({ pid: "CONTAINER" } as const) : ({ pid: "TARGET", targetId } as const);
  return {
    network: options.hostNetwork ? "NODE" : "POD",
    ipc: options.hostIPC ? "NODE" : "POD",
    ...(options.hostPID ? { pid: "NODE" } : options.sharePID ? { pid: "POD" } : own),
  };
}

function containersOf(pod: Pod | undefined): Container[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod?.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers];
}
