// Services by virtual address, the names of services and pods, and policies for their traffic.
export { createDnsServer, type DnsServer, type DnsServerOptions } from "./dns/server.ts";
export { createLoadBalancers } from "./load-balancers.ts";
export { createPolicyEngine, type PolicyEngine, type PolicyEngineOptions } from "./policy/index.ts";
export { createServiceProxy, type ServiceProxy, type ServiceProxyOptions } from "./proxy.ts";
export type { ProxyMode } from "./serving.ts";
