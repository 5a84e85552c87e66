import type { EndpointAddress, EndpointSubset, Endpoints, Service } from "@capstan/api/generated/core-v1";
import { Endpoints as EndpointsResource, Pods, Services } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { isTerminating } from "../pod.ts";
import { saySame } from "../same.ts";
import { hasSelector, podSource, portKey, restAfter, serviceSource, type Target, targetsOf } from "./target.ts";

const managedBy = { "endpoints.kubernetes.io/managed-by": "endpoint-controller" };
const headlessLabel = "service.kubernetes.io/headless";
const overCapacity = "endpoints.kubernetes.io/over-capacity";
/** Addresses of one Endpoints object; slices hold the rest. Source: maxCapacity of the endpoints controller. */
const capacity = 1000;

/** Keeps an Endpoints object for each Service with a selector. */
export function createEndpointsController(context: ControllerContext): Controller {
  const { log } = openWorkshop(context, "endpoint-controller");
  const { client, informers } = context;
  const services = informers.informer(Services);
  const pods = informers.informer(Pods);
  const endpoints = informers.informer(EndpointsResource);
  return createController({
    name: "endpoint-controller",
    informers,
    log,
    sources: [serviceSource, podSource(services), { resource: EndpointsResource }],
    async reconcile(ref, signal) {
      const service = services.get(ref);
      const present = endpoints.get(ref);
      try {
        if (!service) {
          if (present?.metadata.labels?.["endpoints.kubernetes.io/managed-by"])
            await client.delete(EndpointsResource, ref);
          return undefined;
        }
        if (!hasSelector(service)) return undefined;
        const targets = targetsOf(service, pods);
        const wanted = endpointsOf(service, targets, present);
        if (present && same(present, wanted)) return undefined;
        const written = present
          ? await client.update(EndpointsResource, wanted)
          : await client.create(EndpointsResource, wanted);
        await endpoints.until(written.metadata.resourceVersion, signal);
        return { rest: restAfter(targets.length) };
      } catch (error) {
        if (!isReason(error, "NotFound", "AlreadyExists") && !isTerminating(error)) throw error;
        return undefined;
      }
    },
  });
}

function endpointsOf(service: Service, targets: Target[], present: Endpoints | undefined): Endpoints {
  const usable = targets.filter(({ terminating, ready }) => !terminating || ready);
  const { namespace, name, labels } = service.metadata;
  const headless: Record<string, string> = service.spec?.clusterIP === "None" ? { [headlessLabel]: "" } : {};
  const { [overCapacity]: _, ...annotations } = present?.metadata.annotations ?? {};
  if (usable.length > capacity) annotations[overCapacity] = "truncated";
  const kept = present ? present.metadata : { namespace, name };
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { ...kept, labels: { ...labels, ...headless, ...managedBy }, annotations },
    subsets: subsetsOf(usable.slice(0, capacity)),
  };
}

/** Addresses with the same ports stand together; those without any stand for names only. */
function subsetsOf(targets: Target[]): EndpointSubset[] {
  const subsets = new Map<string, EndpointSubset>();
  for (const target of targets) {
    const key = portKey(target.ports);
    let subset = subsets.get(key);
    if (!subset) {
      subset = target.ports.length > 0 ? { ports: target.ports } : {};
      subsets.set(key, subset);
    }
    const list = target.ready ? "addresses" : "notReadyAddresses";
    subset[list] = [...(subset[list] ?? []), addressOf(target)];
  }
  return [...subsets.values()];
}

function addressOf({ pod, ip, hostname }: Target): EndpointAddress {
  const { namespace, name, uid } = pod.metadata;
  const { nodeName } = pod.spec;
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

function same(a: Endpoints, b: Endpoints): boolean {
  const face = ({ metadata, subsets }: Endpoints) => [metadata.labels, metadata.annotations ?? {}, subsets];
  return saySame(face(a), face(b));
}
