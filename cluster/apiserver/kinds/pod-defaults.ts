// Source: upstream's pkg/apis/core/v1/defaults.go.
import type { Container, PodSpec, Probe, Volume } from "@capstan/api/generated/core-v1";

const defaultMode = 0o644;

/** Fills in a pod's or a pod template's spec. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ||= "Always";
  spec.dnsPolicy ||= "ClusterFirst";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  spec.schedulerName ||= "default-scheduler";
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  for (const container of spec.containers ?? []) defaultContainer(container, spec.hostNetwork);
  for (const container of spec.initContainers ?? []) defaultContainer(container, spec.hostNetwork);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container as Container, false);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

/** What holds for pods but not for templates. */
export function defaultPod(spec: PodSpec): void {
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  for (const { resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    if (!resources?.limits) continue;
    for (const [name, limit] of Object.entries(resources.limits)) {
      resources.requests ??= {};
      resources.requests[name] ??= limit;
    }
  }
  defaultWholeRequests(spec);
}

/** What the pod as a whole is limited to it also asks for, unless its containers say what they ask for. */
function defaultWholeRequests({ resources, containers, initContainers }: PodSpec): void {
  const asked = [...(containers ?? []), ...(initContainers ?? [])].map((container) => container.resources?.requests);
  for (const [name, limit] of Object.entries(resources?.limits ?? {})) {
    if (!resources || resources.requests?.[name] !== undefined) continue;
    if (asked.some((requests) => requests?.[name] !== undefined)) continue;
    resources.requests = { ...resources.requests, [name]: limit };
  }
}

function defaultContainer(container: Container, hostNetwork: boolean | undefined): void {
  container.resources ??= {};
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  if (!container.imagePullPolicy && container.image) container.imagePullPolicy = pullPolicyOf(container.image);
  for (const port of container.ports ?? []) {
    port.protocol ||= "TCP";
    if (hostNetwork && !port.hostPort) port.hostPort = port.containerPort;
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= "v1";
    if (valueFrom?.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= "0";
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) defaultProbe(probe);
  }
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (hook?.httpGet) defaultHttpGet(hook.httpGet);
  }
}

/** Always for the tag `latest` and for none. */
function pullPolicyOf(image: string): string {
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([\w][\w.-]*)$/.exec(image)?.[1] ?? "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultHttpGet(get: { path?: string; scheme?: string }): void {
  get.path ||= "/";
  get.scheme ||= "HTTP";
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).length === 1) volume.emptyDir = {};
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= "default";
  if (volume.secret) volume.secret.defaultMode ??= defaultMode;
  if (volume.configMap) volume.configMap.defaultMode ??= defaultMode;
  if (volume.hostPath) volume.hostPath.type ??= "";
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= defaultMode;
    for (const { fieldRef } of volume.downwardAPI.items ?? []) if (fieldRef) fieldRef.apiVersion ||= "v1";
  }
  if (volume.ephemeral?.volumeClaimTemplate) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ??= "Filesystem";
  if (!volume.projected) return;
  volume.projected.defaultMode ??= defaultMode;
  for (const { serviceAccountToken, downwardAPI } of volume.projected.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= 3600;
    for (const { fieldRef } of downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ||= "v1";
  }
}
