// The class and the gateway that are there from the start, for every namespace's routes.
import { Namespaces } from "@capstan/api/generated/resources";
import {
  defaultGateway,
  type Gateway,
  GatewayClasses,
  Gateways,
  gatewayClassName,
  gatewayController,
} from "@capstan/api/kinds/gateway";
import { type Client, createIfAbsent } from "@capstan/core/client";

/** Makes what is missing; an existing gateway keeps all but the port of its listener `http`, which is the real one. */
export async function ensureDefaultGateway(client: Client, port: number): Promise<void> {
  const { namespace, name } = defaultGateway;
  await createIfAbsent(client, GatewayClasses, {
    metadata: { name: gatewayClassName },
    spec: { controllerName: gatewayController, description: "The gateway in Capstan's own process" },
  });
  await createIfAbsent(client, Namespaces, { metadata: { name: namespace }, spec: {} });
  const listener = { name: "http", port, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" as const } } };
  await createIfAbsent(client, Gateways, {
    metadata: defaultGateway,
    spec: { gatewayClassName, listeners: [listener] },
  });
  await movePort(client, await client.get(Gateways, { namespace, name }), port);
}

async function movePort(client: Client, gateway: Gateway, port: number): Promise<void> {
  const { listeners } = gateway.spec;
  if (!listeners.some((listener) => listener.name === "http" && listener.port !== port)) return;
  const moved = listeners.map((listener) => (listener.name === "http" ? { ...listener, port } : listener));
  await client.update(Gateways, { ...gateway, spec: { ...gateway.spec, listeners: moved } });
}
