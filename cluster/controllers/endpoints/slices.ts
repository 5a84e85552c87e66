import type { Node, Service } from "@capstan/api/generated/core-v1";
import type { Endpoint, EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices, Nodes, Pods, Services } from "@capstan/api/generated/resources";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { controllerReference } from "../ownership.ts";
import { isTerminating } from "../pod.ts";
import { type Group, groupKey, planSlices, writeSlices } from "./slice-plan.ts";
import { hasSelector, podSource, restAfter, serviceSource, type Target, targetsOf } from "./target.ts";

export const serviceLabel = "kubernetes.io/service-name";
export const managerLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";
const zoneLabel = "topology.kubernetes.io/zone";

/** Keeps EndpointSlices for each Service with a selector; terminating pods stay in them until they are gone. */
export function createEndpointSliceController(context: ControllerContext): Controller {
  const { log } = openWorkshop(context, "endpoint-slice-controller");
  const { client, informers } = context;
  const services = informers.informer(Services);
  const pods = informers.informer(Pods);
  const nodes = informers.informer(Nodes);
  const slices = indexByService(informers.informer(EndpointSlices));
  return createController({
    name: "endpoint-slice-controller",
    informers,
    log,
    sources: [serviceSource, podSource(services), sliceSource(manager)],
    async reconcile(ref, signal) {
      const service = services.get(ref);
      if (!service || !hasSelector(service) || service.metadata.deletionTimestamp) return undefined;
      const present = slices.byIndex("service", `${ref.namespace}/${ref.name}`).filter(isManagedBy(manager));
      const targets = targetsOf(service, pods);
      const plan = planSlices(groupsOf(service, targets, nodes), present, sliceMetadata(service));
      try {
        await writeSlices(client, slices, plan, signal);
      } catch (error) {
        if (!isTerminating(error)) throw error;
      }
      return { rest: restAfter(targets.length) };
    },
  });
}

export function indexByService(informer: Informer<EndpointSlice>): Informer<EndpointSlice> {
  informer.addIndex("service", ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[serviceLabel]}`]);
  return informer;
}

export function isManagedBy(name: string): (slice: EndpointSlice) => boolean {
  return ({ metadata }) => metadata.labels?.[managerLabel] === name;
}

/** Slices wake their Service: someone else may have changed them. */
export function sliceSource(name: string) {
  return {
    resource: EndpointSlices,
    when: ({ object }: { object: EndpointSlice }) => isManagedBy(name)(object),
    keys: ({ metadata }: EndpointSlice) => [
      { namespace: metadata.namespace ?? "", name: metadata.labels?.[serviceLabel] ?? "" },
    ],
  };
}

function sliceMetadata(service: Service): Partial<EndpointSlice["metadata"]> {
  const { namespace, name, labels } = service.metadata;
  const headless: Record<string, string> =
    service.spec?.clusterIP === "None" ? { "service.kubernetes.io/headless": "" } : {};
  return {
    namespace,
    generateName: `${name}-`,
    labels: { ...labels, ...headless, [serviceLabel]: name, [managerLabel]: manager },
    ownerReferences: [controllerReference(Services, service)],
  };
}

function groupsOf(service: Service, targets: Target[], nodes: Informer<Node>): Group[] {
  const close = service.spec.trafficDistribution === "PreferClose";
  const groups = new Map<string, Group>();
  for (const target of targets) {
    const addressType = target.ip.includes(":") ? "IPv6" : "IPv4";
    const key = groupKey(addressType, target.ports);
    const endpoint = endpointOf(target, nodes, close);
    const group = groups.get(key);
    if (group) group.endpoints.push(endpoint);
    else groups.set(key, { addressType, ports: target.ports, endpoints: [endpoint] });
  }
  return groups.size > 0 ? [...groups.values()] : [{ addressType: "IPv4", ports: [], endpoints: [] }];
}

/** @param close clients are to prefer endpoints of their own zone: a hint for proxies that serve one zone. */
function endpointOf(target: Target, nodes: Informer<Node>, close: boolean): Endpoint {
  const { pod, ip, ready, serving, terminating, hostname } = target;
  const { namespace, name, uid } = pod.metadata;
  const { nodeName } = pod.spec;
  const zone = nodeName ? nodes.get({ name: nodeName })?.metadata.labels?.[zoneLabel] : undefined;
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(zone ? { zone } : {}),
    ...(zone && close && ready ? { hints: { forZones: [{ name: zone }] } } : {}),
  };
}
