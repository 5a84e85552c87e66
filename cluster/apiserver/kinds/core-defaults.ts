// Source: upstream's pkg/apis/{core,networking,rbac,storage,discovery,admissionregistration}/v1/defaults.go.

import type {
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingWebhookConfiguration,
} from "@capstan/api/generated/admissionregistration-v1";
import type { HorizontalPodAutoscaler, HPAScalingRules } from "@capstan/api/generated/autoscaling-v2";
import type { Endpoints, LimitRange, PersistentVolume, Secret, Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import type { NetworkPolicy } from "@capstan/api/generated/networking-v1";
import type { ClusterRoleBinding, RoleBinding } from "@capstan/api/generated/rbac-v1";
import type { PriorityClass } from "@capstan/api/generated/scheduling-v1";
import type { StorageClass } from "@capstan/api/generated/storage-v1";

export function defaultService(service: Service): void {
  service.spec ??= {};
  const { spec } = service;
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  else {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10_800;
  }
  spec.type ||= "ClusterIP";
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "") port.targetPort = port.port;
  }
  if (spec.type === "NodePort" || spec.type === "LoadBalancer") spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") spec.allocateLoadBalancerNodePorts ??= true;
}

export function defaultEndpoints(endpoints: Endpoints): void {
  for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= "TCP";
}

export function defaultEndpointSlice(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    port.name ??= "";
    port.protocol ??= "TCP";
  }
}

const encoder = new TextEncoder();

/** `stringData` is written into `data`. */
export function defaultSecret(secret: Secret): void {
  secret.type ||= "Opaque";
  if (!secret.stringData) return;
  secret.data ??= {};
  for (const [key, text] of Object.entries(secret.stringData)) secret.data[key] = toBase64(encoder.encode(text));
  delete secret.stringData;
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function defaultVolume(volume: PersistentVolume): void {
  volume.spec ??= {};
  const { spec } = volume;
  spec.persistentVolumeReclaimPolicy ||= "Retain";
  spec.volumeMode ??= "Filesystem";
  if (spec.hostPath) spec.hostPath.type ??= "";
}

export function defaultStorageClass(storage: StorageClass): void {
  storage.reclaimPolicy ??= "Delete";
  storage.volumeBindingMode ??= "Immediate";
}

/** A container's default limit is its max, and its default request its default limit, else its min. */
export function defaultLimitRange({ spec }: LimitRange): void {
  for (const item of spec?.limits ?? []) {
    if (item.type !== "Container") continue;
    const limits = { ...item.max, ...item.default };
    const requests = { ...item.min, ...limits, ...item.defaultRequest };
    if (Object.keys(limits).length > 0) item.default = limits;
    if (Object.keys(requests).length > 0) item.defaultRequest = requests;
  }
}

export function defaultNetworkPolicy({ spec }: NetworkPolicy): void {
  if (!spec) return;
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
  for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of ports ?? []) port.protocol ??= "TCP";
  }
}

const rbac = "rbac.authorization.k8s.io";

export function defaultBinding(binding: RoleBinding | ClusterRoleBinding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= rbac;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= rbac;
  }
}

export function defaultWebhooks(configuration: MutatingWebhookConfiguration | ValidatingWebhookConfiguration): void {
  for (const hook of configuration.webhooks ?? []) {
    hook.failurePolicy ??= "Fail";
    hook.matchPolicy ??= "Equivalent";
    hook.namespaceSelector ??= {};
    hook.objectSelector ??= {};
    hook.timeoutSeconds ??= 10;
    if (hook.clientConfig?.service) hook.clientConfig.service.port ??= 443;
    if (configuration.kind === "MutatingWebhookConfiguration" && !("reinvocationPolicy" in hook)) {
      Object.assign(hook, { reinvocationPolicy: "Never" });
    }
    for (const rule of hook.rules ?? []) rule.scope ??= "*";
  }
}

export function defaultAdmissionPolicy({ spec }: ValidatingAdmissionPolicy): void {
  if (!spec) return;
  spec.failurePolicy ??= "Fail";
  const match = spec.matchConstraints;
  if (!match) return;
  match.matchPolicy ??= "Equivalent";
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= "*";
}

export function defaultAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  autoscaler.spec ??= {} as HorizontalPodAutoscaler["spec"];
  const { spec } = autoscaler;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) {
    spec.metrics = [
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
    ];
  }
  if (!spec.behavior) return;
  spec.behavior.scaleUp = { ...scaleUpDefaults(), ...spec.behavior.scaleUp };
  spec.behavior.scaleDown = { ...scaleDownDefaults(), ...spec.behavior.scaleDown };
}

/** Source: pkg/apis/autoscaling/v2/defaults.go. */
const scaleUpDefaults = (): HPAScalingRules => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
});
const scaleDownDefaults = (): HPAScalingRules => ({
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
});

export function defaultPriorityClass(priority: PriorityClass): void {
  priority.preemptionPolicy ??= "PreemptLowerPriority";
}
