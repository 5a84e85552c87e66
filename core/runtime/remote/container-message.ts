// A container in the words of runtime.v1.
import type { ContainerConfig, Mount, NamespaceOptions, Resources, SecurityConfig } from "../cri.ts";
import type {
  LinuxContainerResources,
  LinuxContainerSecurityContext,
  ContainerConfig as Message,
  Mount as MountMessage,
  MountPropagation,
} from "./generated/runtime-v1.ts";
import { instanceLabel, keyAnnotation, kubeLabels, namespaceOption } from "./sandbox-message.ts";

export interface ContainerPlace {
  instance: string;
  key: string;
  imageId: string;
  namespaces: NamespaceOptions;
  pod: { name: string; namespace: string; uid: string };
  /** Where limits that CRI has no field for can be given as files of the unified hierarchy. */
  unified: boolean;
}

/** @param config its mounts lead to what is to be mounted, whatever the pod does meanwhile. */
export function containerMessage(config: ContainerConfig, place: ContainerPlace): Message {
  const { name, attempt, security = {}, resources = {} } = config;
  return {
    metadata: { name, attempt },
    image: { image: place.imageId, userSpecifiedImage: config.image },
    command: config.command ?? [],
    args: config.args ?? [],
    workingDir: config.workingDir ?? "",
    envs: config.env.map((one) => ({ key: one.name, value: one.value })),
    mounts: config.mounts.filter(({ device }) => !device).map(mountMessage),
    devices: config.mounts
      .filter(({ device }) => device)
      .map(({ hostPath, containerPath, readonly }) => ({
        hostPath,
        containerPath,
        permissions: readonly ? "rm" : "rwm",
      })),
    labels: {
      ...config.labels,
      [kubeLabels.name]: place.pod.name,
      [kubeLabels.namespace]: place.pod.namespace,
      [kubeLabels.uid]: place.pod.uid,
      [kubeLabels.container]: name,
      [instanceLabel]: place.instance,
    },
    annotations: { [keyAnnotation]: place.key },
    logPath: config.logPath.replace(/^\/+/, ""),
    stdin: config.stdin ?? false,
    stdinOnce: config.stdinOnce ?? false,
    tty: config.tty ?? false,
    linux: {
      resources: resourcesMessage(resources, place.unified),
      securityContext: securityMessage(security, place.namespaces, config.targetId),
    },
  };
}

const propagations: Record<NonNullable<Mount["propagation"]>, MountPropagation> = {
  None: "PROPAGATION_PRIVATE",
  HostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
  Bidirectional: "PROPAGATION_BIDIRECTIONAL",
};

function mountMessage({ containerPath, hostPath, readonly = false, propagation = "None" }: Mount): MountMessage {
  return { containerPath, hostPath, readonly, propagation: propagations[propagation] };
}

const period = 100_000;

function resourcesMessage(resources: Resources, unified: boolean): LinuxContainerResources {
  const { cpuShares, cpuLimit, memoryLimit, pidsLimit, oomScoreAdjust } = resources;
  return {
    cpuPeriod: period,
    cpuQuota: cpuLimit === undefined ? 0 : Math.max(1000, Math.round(cpuLimit * period)),
    cpuShares: cpuShares ?? 0,
    memoryLimitInBytes: memoryLimit ?? 0,
    oomScoreAdj: oomScoreAdjust ?? 0,
    unified: unified && pidsLimit !== undefined ? { "pids.max": String(pidsLimit) } : {},
  };
}

// What a container must not read, and not write, of /proc and /sys. Source: k8s.io/kubernetes pkg/securitycontext.
const maskedPaths = [
  ...["asound", "acpi", "interrupts", "kcore", "keys", "latency_stats"].map((name) => `/proc/${name}`),
  ...["timer_list", "timer_stats", "sched_debug", "scsi"].map((name) => `/proc/${name}`),
  ...["/sys/firmware", "/sys/devices/virtual/powercap"],
];
const readonlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

function securityMessage(
  security: SecurityConfig,
  namespaces: NamespaceOptions,
  targetId: string | undefined,
): LinuxContainerSecurityContext {
  const { user, group, privileged = false, seccomp } = security;
  const numeric = user !== undefined && /^\d+$/.test(user);
  return {
    privileged,
    namespaceOptions: namespaceOption(namespaces, targetId),
    capabilities: {
      addCapabilities: security.addCapabilities ?? [],
      dropCapabilities: security.dropCapabilities ?? [],
    },
    ...(numeric ? { runAsUser: { value: Number(user) } } : {}),
    ...(user !== undefined && !numeric ? { runAsUsername: user } : {}),
    ...(group === undefined ? {} : { runAsGroup: { value: group } }),
    supplementalGroups: security.supplementalGroups ?? [],
    readonlyRootfs: security.readonlyRootfs ?? false,
    noNewPrivs: security.noNewPrivileges ?? false,
    maskedPaths: privileged ? [] : maskedPaths,
    readonlyPaths: privileged ? [] : readonlyPaths,
    seccomp: privileged
      ? { profileType: "Unconfined" }
      : { profileType: seccomp?.type ?? "RuntimeDefault", localhostRef: seccomp?.path ?? "" },
  };
}
