// Services of type LoadBalancer on one machine: the address that the outside uses is the Service's own.
import type { Service } from "@capstan/api/generated/core-v1";
import { Services } from "@capstan/api/generated/resources";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Controller, createController, type Informers } from "@capstan/core/reconcile";
import { virtualAddress } from "./backends.ts";

export interface LoadBalancerOptions {
  client: Client;
  informers: Informers;
  log: Logger;
}

/**
 * Writes the address into the status. Whoever reaches this machine's service range reaches it: the machine itself does.
 * Services that name another implementation in loadBalancerClass are left to it.
 */
export function createLoadBalancers({ client, informers, log }: LoadBalancerOptions): Controller {
  const services = informers.informer(Services);
  return createController({
    name: "service-lb-controller",
    informers,
    log,
    sources: [{ resource: Services }],
    async reconcile(ref) {
      const service = services.get(ref);
      if (!service || service.metadata.deletionTimestamp || service.spec.loadBalancerClass) return;
      const ingress = ingressOf(service);
      if (JSON.stringify(service.status?.loadBalancer?.ingress ?? []) === JSON.stringify(ingress)) return;
      const loadBalancer = ingress.length > 0 ? { ingress } : {};
      await client.updateStatus(Services, { ...service, status: { ...service.status, loadBalancer } });
    },
  });
}

function ingressOf(service: Service) {
  const ip = service.spec.type === "LoadBalancer" ? virtualAddress(service) : undefined;
  return ip ? [{ ip, ipMode: "VIP" }] : [];
}
