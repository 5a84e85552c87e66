// What the gateway looks at: a read-only view over the informers, which tests write by hand.
import type { Namespace, Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices, Namespaces, Services } from "@capstan/api/generated/resources";
import {
  type Gateway,
  type GatewayClass,
  GatewayClasses,
  Gateways,
  gatewayController,
  type HttpRoute,
  HttpRoutes,
  type ReferenceGrant,
  ReferenceGrants,
} from "@capstan/api/kinds/gateway";
import { keyOf, type ObjectRef } from "@capstan/api/meta";
import type { Informers } from "@capstan/core/reconcile";

export interface World {
  classes(): GatewayClass[];
  /** Those of a class that this controller serves. */
  gateways(): Gateway[];
  gateway(ref: ObjectRef): Gateway | undefined;
  routes(): HttpRoute[];
  grants(namespace: string): ReferenceGrant[];
  namespace(name: string): Namespace | undefined;
  service(ref: ObjectRef): Service | undefined;
  endpoints(service: ObjectRef): EndpointSlice[];
}

const byService = "gateway-service";
const serviceLabel = "kubernetes.io/service-name";

/** @param changed called whenever something but endpoints changed. */
export function watchWorld(
  informers: Informers,
  changed: () => void,
): World & { synced(): Promise<void>; stop(): void } {
  const classes = informers.informer(GatewayClasses);
  const gateways = informers.informer(Gateways);
  const routes = informers.informer(HttpRoutes);
  const grants = informers.informer(ReferenceGrants);
  const namespaces = informers.informer(Namespaces);
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  slices.addIndex(byService, ({ metadata: { namespace, labels } }) => {
    const name = labels?.[serviceLabel];
    return name ? [keyOf({ namespace: namespace ?? "", name })] : [];
  });
  const stops = [classes, gateways, routes, grants, namespaces].map((informer) => informer.onChange(changed));
  const ours = ({ spec }: Gateway) =>
    classes.get({ name: spec.gatewayClassName })?.spec.controllerName === gatewayController;
  return {
    classes: () => classes.list().filter(({ spec }) => spec.controllerName === gatewayController),
    gateways: () => gateways.list().filter(ours),
    gateway: (ref) => {
      const gateway = gateways.get(ref);
      return gateway && ours(gateway) ? gateway : undefined;
    },
    routes: () => routes.list(),
    grants: (namespace) => grants.list(namespace),
    namespace: (name) => namespaces.get({ name }),
    service: (ref) => services.get(ref),
    endpoints: (service) => slices.byIndex(byService, keyOf(service)),
    synced: async () => {
      await Promise.all([classes, gateways, routes, grants, namespaces, services, slices].map((i) => i.synced()));
    },
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}
