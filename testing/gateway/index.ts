// A world for tests of the gateway, written by hand: a class, a gateway, and what a test adds.
import type { Namespace, Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import {
  defaultGateway,
  type Gateway,
  type GatewayClass,
  gatewayClassName,
  gatewayController,
  type HttpRoute,
  type HttpRouteSpec,
  type ReferenceGrant,
} from "@capstan/api/kinds/gateway";
import { keyOf, type ObjectRef, refOf } from "@capstan/api/meta";

export class HandWorld {
  readonly port: number;
  gatewayList: Gateway[];
  routeList: HttpRoute[] = [];
  grantList: ReferenceGrant[] = [];
  namespaceList: Namespace[] = [];
  readonly services = new Map<string, Service>();
  readonly slices = new Map<string, EndpointSlice[]>();

  constructor(port = 8080) {
    this.port = port;
    const listener = { name: "http", port, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" as const } } };
    const spec = { gatewayClassName, listeners: [listener] };
    const metadata = { ...defaultGateway, uid: "gateway", generation: 1 };
    this.gatewayList = [{ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata, spec }];
  }

  classes(): GatewayClass[] {
    const metadata = { name: gatewayClassName };
    const spec = { controllerName: gatewayController };
    return [{ apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata, spec }];
  }
  gateways(): Gateway[] {
    return this.gatewayList;
  }
  gateway(ref: ObjectRef): Gateway | undefined {
    return this.gatewayList.find((gateway) => keyOf(refOf(gateway)) === keyOf(ref));
  }
  routes(): HttpRoute[] {
    return this.routeList;
  }
  grants(namespace: string): ReferenceGrant[] {
    return this.grantList.filter(({ metadata }) => metadata.namespace === namespace);
  }
  namespace(name: string): Namespace | undefined {
    return this.namespaceList.find(({ metadata }) => metadata.name === name);
  }
  service(ref: ObjectRef): Service | undefined {
    return this.services.get(keyOf(ref));
  }
  endpoints(service: ObjectRef): EndpointSlice[] {
    return this.slices.get(keyOf(service)) ?? [];
  }

  /** A route in the namespace `a`, attached to the default gateway, open to everybody. */
  addRoute(name: string, spec: HttpRouteSpec, metadata: Partial<HttpRoute["metadata"]> = {}): HttpRoute {
    const annotations = { "capstan.dev/auth": "none" };
    const route: HttpRoute = {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name, namespace: "a", generation: 1, annotations, ...metadata },
      spec: { parentRefs: [{ ...defaultGateway }], ...spec },
    };
    this.routeList.push(route);
    return route;
  }

  /** A Service with the port 80 whose endpoints are these. */
  addService(name: string, endpoints: { host: string; port: number; ready?: boolean }[], namespace = "a"): void {
    const key = keyOf({ namespace, name });
    this.services.set(key, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace, name },
      spec: { ports: [{ port: 80 }] },
    });
    const slices = endpoints.map(
      ({ host, port, ready = true }, i): EndpointSlice => ({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { namespace, name: `${name}-${i}` },
        addressType: "IPv4",
        endpoints: [{ addresses: [host], conditions: { ready } }],
        ports: [{ name: "", port }],
      }),
    );
    this.slices.set(key, slices);
  }
}
