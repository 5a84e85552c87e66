// Services by virtual address, and the names of services and pods.
export { createDnsServer, type DnsServer, type DnsServerOptions } from "./dns/server.ts";
export { createServiceProxy, type ServiceProxy, type ServiceProxyOptions } from "./proxy.ts";
