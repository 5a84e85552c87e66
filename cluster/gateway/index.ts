// Where requests enter: Gateway API's HTTPRoutes as a reverse proxy that asks the cluster who may call.

export { defaultGateway } from "@capstan/api/kinds/gateway";
export { createGateway, type GatewayOptions, type GatewayServer } from "./gateway.ts";
