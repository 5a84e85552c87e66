import type { Pod, Service, ServicePort } from "@capstan/api/generated/core-v1";
import { Pods, Services } from "@capstan/api/generated/resources";
import { refOf } from "@capstan/api/meta";
import type { Informer, Source } from "@capstan/core/reconcile";
import { isFinished, isReady } from "../pod.ts";

export interface TargetPort {
  name?: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** A pod behind a Service. */
export interface Target {
  pod: Pod;
  ip: string;
  ports: TargetPort[];
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  hostname?: string;
}

export function hasSelector({ spec }: Service): boolean {
  return Object.keys(spec?.selector ?? {}).length > 0 && spec?.type !== "ExternalName";
}

function isSelected({ spec }: Service, pod: Pod): boolean {
  const labels = pod.metadata.labels ?? {};
  return Object.entries(spec?.selector ?? {}).every(([key, value]) => labels[key] === value);
}

/** The pods that a Service selects and that have an address. */
export function targetsOf(service: Service, pods: Informer<Pod>): Target[] {
  const publish = service.spec?.publishNotReadyAddresses === true;
  return pods
    .list(service.metadata.namespace)
    .filter((pod) => pod.status?.podIP && !isFinished(pod) && isSelected(service, pod))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((pod) => {
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const serving = publish || isReady(pod);
      const { hostname, subdomain } = pod.spec;
      const named = hostname && subdomain === service.metadata.name ? { hostname } : {};
      const ready = publish || (serving && !terminating);
      return { pod, ip: pod.status?.podIP ?? "", ports: portsOf(service, pod), ready, serving, terminating, ...named };
    });
}

function portsOf({ spec }: Service, pod: Pod): TargetPort[] {
  return (spec?.ports ?? []).flatMap((servicePort) => {
    const port = resolvePort(servicePort, pod);
    if (port === undefined) return [];
    const { name, protocol = "TCP", appProtocol } = servicePort;
    return [{ ...(name ? { name } : {}), port, protocol, ...(appProtocol ? { appProtocol } : {}) }];
  });
}

/** The port in the pod: a number, or a container port's name; undefined when the pod has none of that name. */
function resolvePort({ targetPort, port, protocol = "TCP" }: ServicePort, pod: Pod): number | undefined {
  if (targetPort === undefined || targetPort === 0) return port;
  if (typeof targetPort === "number") return targetPort;
  const sidecars = pod.spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === "Always") ?? [];
  const ports = [...pod.spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.find((each) => each.name === targetPort && (each.protocol ?? "TCP") === protocol)?.containerPort;
}

/** Pods wake the Services that select them, when something changed that traffic depends on. */
export function podSource(services: Informer<Service>): Source<Pod> {
  return {
    resource: Pods,
    when: ({ type, object, old }) => type !== "MODIFIED" || !old || face(object) !== face(old),
    keys: (pod) => {
      const selecting = services
        .list(pod.metadata.namespace)
        .filter((each) => hasSelector(each) && isSelected(each, pod));
      return selecting.map(refOf);
    },
  };
}

/** Milliseconds for which changes of a large Service's pods are collected: each write costs as much as it has pods. */
export function restAfter(targets: number): number {
  return targets <= 50 ? 0 : Math.min(1000, targets / 2);
}

export const serviceSource: Source<Service> = { resource: Services };

function face(pod: Pod): string {
  const { labels, deletionTimestamp } = pod.metadata;
  return JSON.stringify([
    labels,
    deletionTimestamp,
    pod.status?.podIP,
    pod.spec.nodeName,
    isReady(pod),
    isFinished(pod),
  ]);
}

export function portKey(ports: TargetPort[] | undefined): string {
  const lines = (ports ?? []).map(({ name = "", port, protocol = "TCP", appProtocol = "" }) =>
    JSON.stringify([name, port, protocol, appProtocol]),
  );
  return lines.sort().join();
}
