// Keeps the statuses of classes, gateways and routes true.
import { isDeepStrictEqual } from "node:util";
import { Namespaces, Services } from "@capstan/api/generated/resources";
import {
  type Gateway,
  GatewayClasses,
  Gateways,
  gatewayController,
  type HttpRoute,
  HttpRoutes,
  ReferenceGrants,
} from "@capstan/api/kinds/gateway";
import { type KubeObject, keyOf, type ObjectRef, type Resource, refOf } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Controller, createController, type Informers } from "@capstan/core/reconcile";
import { classStatus, gatewayStatus, routeStatus } from "./status.ts";
import type { World } from "./world.ts";

export interface StatusOptions {
  client: Client;
  informers: Informers;
  world: World;
  /** Where the data plane listens. */
  at: { host: string; port: number };
  log: Logger;
}

type WithStatus = KubeObject & { status?: unknown };

async function write<T extends WithStatus>(client: Client, resource: Resource<T>, object: T, status: T["status"]) {
  if (isDeepStrictEqual(object.status, status)) return;
  await client.updateStatus(resource, { ...object, status });
}

export function createStatusControllers(options: StatusOptions): Controller[] {
  return [classController(options), gatewayStatusController(options), routeController(options)];
}

function classController({ client, informers, log }: StatusOptions): Controller {
  const classes = informers.informer(GatewayClasses);
  return createController({
    name: "gatewayclass-status",
    informers,
    log,
    sources: [{ resource: GatewayClasses }],
    reconcile: async (ref) => {
      const object = classes.get(ref);
      if (object?.spec.controllerName === gatewayController) {
        await write(client, GatewayClasses, object, classStatus(object));
      }
      return undefined;
    },
  });
}

/** The gateways that a route names, ours or not. */
function gatewaysOf({ spec, metadata }: HttpRoute): ObjectRef[] {
  return (spec.parentRefs ?? []).map(({ name, namespace }) => ({
    namespace: namespace ?? metadata.namespace ?? "",
    name,
  }));
}

const labelsChanged = ({ object, old }: { object: KubeObject; old?: KubeObject }) =>
  !isDeepStrictEqual(object.metadata.labels, old?.metadata.labels);

function gatewayStatusController({ client, informers, world, at, log }: StatusOptions): Controller {
  const all = () => world.gateways().map(refOf);
  return createController({
    name: "gateway-status",
    informers,
    log,
    sources: [
      { resource: Gateways },
      { resource: GatewayClasses, keys: all },
      { resource: HttpRoutes, keys: gatewaysOf },
      { resource: Namespaces, keys: all, when: labelsChanged },
    ],
    reconcile: async (ref) => {
      const gateway = world.gateway(ref);
      if (gateway) await write(client, Gateways, gateway, gatewayStatus(gateway, world, at));
      return undefined;
    },
  });
}

function routeController({ client, informers, world, at, log }: StatusOptions): Controller {
  const routes = informers.informer(HttpRoutes);
  routes.addIndex("status-gateway", (route) => gatewaysOf(route).map(keyOf));
  routes.addIndex("status-backend", servicesOf);
  const all = () => world.routes().map(refOf);
  return createController({
    name: "httproute-status",
    informers,
    log,
    sources: [
      { resource: HttpRoutes },
      {
        resource: Gateways,
        keys: (gateway: Gateway) => routes.byIndex("status-gateway", keyOf(refOf(gateway))).map(refOf),
      },
      { resource: GatewayClasses, keys: all },
      { resource: ReferenceGrants, keys: all },
      { resource: Namespaces, keys: all, when: labelsChanged },
      { resource: Services, keys: (service) => routes.byIndex("status-backend", keyOf(refOf(service))).map(refOf) },
    ],
    reconcile: async (ref) => {
      const route = routes.get(ref);
      if (!route) return undefined;
      const status = routeStatus(route, world, at.port);
      if (status.parents.length > 0 || route.status) await write(client, HttpRoutes, route, status);
      return undefined;
    },
  });
}

function servicesOf({ spec, metadata }: HttpRoute): string[] {
  const refs = (spec.rules ?? []).flatMap(({ backendRefs }) => backendRefs ?? []);
  return refs.map(({ namespace, name }) => keyOf({ namespace: namespace ?? metadata.namespace ?? "", name }));
}
