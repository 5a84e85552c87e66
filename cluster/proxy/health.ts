// Health check node ports: whether this machine has an endpoint, for balancers in front of several machines.
import { createServer, type Server } from "node:http";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";

export interface HealthPorts {
  /** @param port absent: the service has none. */
  set(service: string, port: number | undefined, localEndpoints: number): void;
  close(): Promise<void>;
}

interface Port {
  port: number;
  endpoints: number;
  servers: Server[];
}

/** Answers as kube-proxy does: 200 with endpoints, 503 without. Source: pkg/proxy/healthcheck/service_health.go. */
export function createHealthPorts(addresses: string[], log: Logger): HealthPorts {
  const ports = new Map<string, Port>();
  const closing = new Set<Promise<void>>();
  const close = (servers: Server[]) => {
    for (const server of servers) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      closing.add(closed);
      void closed.then(() => closing.delete(closed));
    }
  };
  const open = (service: string, port: number): Server[] =>
    addresses.map((address) => {
      const [namespace, name] = service.split("/");
      const server = createServer((_, response) => {
        const localEndpoints = ports.get(service)?.endpoints ?? 0;
        response.writeHead(localEndpoints > 0 ? 200 : 503, { "content-type": "application/json" });
        response.end(JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }));
      });
      server.on("error", (error) => {
        log.warn("a health check node port cannot be served", { service, address, port, error: messageOf(error) });
      });
      return server.listen(port, address);
    });
  const drop = (service: string) => {
    close(ports.get(service)?.servers ?? []);
    ports.delete(service);
  };
  return {
    set(service, port, endpoints) {
      const present = ports.get(service);
      if (present && present.port === port) present.endpoints = endpoints;
      else {
        drop(service);
        if (port) ports.set(service, { port, endpoints, servers: open(service, port) });
      }
    },
    async close() {
      for (const service of [...ports.keys()]) drop(service);
      await Promise.all(closing);
    },
  };
}
