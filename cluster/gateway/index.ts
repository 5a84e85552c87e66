// Where requests enter: Gateway API's HTTPRoutes as a reverse proxy that asks the cluster who may call.
export { createGateway, type GatewayOptions, type GatewayServer } from "./gateway.ts";
