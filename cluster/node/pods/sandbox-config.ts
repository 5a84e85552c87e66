import type { Pod } from "@capstan/api/generated/core-v1";
import type { PodSandboxConfig } from "@capstan/core/runtime";
import { podLimitsOf } from "../containers/resources.ts";
import type { PodVolumes } from "../volumes/mounts.ts";
import { type DnsSettings, hostnameOf, resolverOf } from "./files.ts";

/** What the containers of a pod share. */
export function sandboxConfig(pod: Pod, volumes: PodVolumes, dns: DnsSettings): PodSandboxConfig {
  const { metadata, spec } = pod;
  const tmpfs = [...volumes.values()].flatMap(({ hostPath, memoryBytes }) =>
    memoryBytes === undefined ? [] : [{ path: hostPath, sizeBytes: memoryBytes }],
  );
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    uid: metadata.uid ?? "",
    hostname: hostnameOf(pod),
    dns: resolverOf(pod, dns),
    labels: metadata.labels ?? {},
    namespaces: {
      hostNetwork: spec?.hostNetwork ?? false,
      hostPID: spec?.hostPID ?? false,
      hostIPC: spec?.hostIPC ?? false,
      sharePID: spec?.shareProcessNamespace ?? false,
    },
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    ...(Object.keys(spec?.resources?.limits ?? {}).length > 0 ? { resources: podLimitsOf(pod) } : {}),
    pod,
    volumes: Object.fromEntries([...volumes].map(([name, { hostPath }]) => [name, hostPath])),
    tmpfs,
  };
}
