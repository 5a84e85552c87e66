import type { EndpointAddress, Endpoints } from "@capstan/api/generated/core-v1";
import type { Endpoint, EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices, Endpoints as EndpointsResource, Services } from "@capstan/api/generated/resources";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { controllerReference } from "../ownership.ts";
import { isTerminating } from "../pod.ts";
import { type Group, groupKey, planSlices, writeSlices } from "./slice-plan.ts";
import { indexByService, isManagedBy, managerLabel, serviceLabel, sliceSource } from "./slices.ts";
import { hasSelector, serviceSource, type TargetPort } from "./target.ts";

const manager = "endpointslicemirroring-controller.k8s.io";

/** Makes slices of Endpoints that people wrote for a Service without a selector. */
export function createEndpointSliceMirror(context: ControllerContext): Controller {
  const { log } = openWorkshop(context, "endpoint-slice-mirroring-controller");
  const { client, informers } = context;
  const services = informers.informer(Services);
  const endpoints = informers.informer(EndpointsResource);
  const slices = indexByService(informers.informer(EndpointSlices));
  return createController({
    name: "endpoint-slice-mirroring-controller",
    informers,
    log,
    sources: [serviceSource, { resource: EndpointsResource }, sliceSource(manager)],
    async reconcile(ref, signal) {
      const service = services.get(ref);
      const source = endpoints.get(ref);
      const present = slices.byIndex("service", `${ref.namespace}/${ref.name}`).filter(isManagedBy(manager));
      const mirrored = source && service && !hasSelector(service) && isMirrored(source);
      if (!mirrored && present.length === 0) return;
      const groups = mirrored ? groupsOf(source) : [];
      const metadata = source ? sliceMetadata(source) : { name: "" };
      try {
        await writeSlices(client, slices, planSlices(groups, present, metadata), signal);
      } catch (error) {
        if (!isTerminating(error)) throw error;
      }
    },
  });
}

/** Not those that a controller keeps, nor those that a leader election uses as a lock. */
function isMirrored({ metadata }: Endpoints): boolean {
  const { labels = {}, annotations = {} } = metadata;
  if (labels["endpointslice.kubernetes.io/skip-mirror"] === "true") return false;
  return !labels["endpoints.kubernetes.io/managed-by"] && !("control-plane.alpha.kubernetes.io/leader" in annotations);
}

function sliceMetadata(source: Endpoints): Partial<EndpointSlice["metadata"]> {
  const { namespace, name, labels } = source.metadata;
  return {
    namespace,
    generateName: `${name}-`,
    labels: { ...labels, [serviceLabel]: name, [managerLabel]: manager },
    ownerReferences: [controllerReference(EndpointsResource, source)],
  };
}

function groupsOf({ subsets = [] }: Endpoints): Group[] {
  const groups = new Map<string, Group>();
  const put = (ports: TargetPort[], address: EndpointAddress, ready: boolean) => {
    const addressType = address.ip.includes(":") ? "IPv6" : "IPv4";
    const key = groupKey(addressType, ports);
    const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(address, ready));
  };
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of subsets) {
    const named = ports.map((port) => ({ ...port, protocol: port.protocol ?? "TCP" }));
    for (const address of addresses) put(named, address, true);
    for (const address of notReadyAddresses) put(named, address, false);
  }
  return [...groups.values()];
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  };
}
