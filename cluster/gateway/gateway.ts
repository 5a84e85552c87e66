import { deferred } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import type { Informers } from "@capstan/core/reconcile";
import { createAccess } from "./access.ts";
import { createBalancer } from "./backend.ts";
import { openDataPlane } from "./data-plane.ts";
import { ensureDefaultGateway } from "./default-gateway.ts";
import type { OwnPath } from "./own-path.ts";
import { buildRouteTable, type RouteTable } from "./route-table.ts";
import { createStatusControllers } from "./status-controllers.ts";
import { watchWorld } from "./world.ts";

export interface GatewayOptions {
  /** May create token and subject access reviews, gateways, their class, and write the statuses of routes. */
  client: Client;
  informers: Informers;
  /** Port 0 takes a free one. */
  listen: { host: string; port: number };
  log: Logger;
  /** Answered here, before routes that claim no host name. Their handlers decide who may call. */
  own?: OwnPath[];
}

export interface GatewayServer {
  /** Serves until the signal aborts; rejects when the port cannot be had. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when it listens, knows all routes, and its own Gateway object is there. */
  ready: Promise<void>;
  /** 0 until it is ready. */
  readonly port: number;
}

/** The kinds of gateway.networking.k8s.io must have been defined before start. */
export function createGateway({ client, informers, listen, log, own = [] }: GatewayOptions): GatewayServer {
  const ready = deferred();
  let port = 0;
  // Whoever waits for it sees the error; start rejects with the same.
  ready.promise.catch((error) => log.debug("the gateway is not ready", { error }));
  return {
    ready: ready.promise,
    get port() {
      return port;
    },
    async start(signal) {
      let table: RouteTable | undefined;
      const world = watchWorld(informers, () => {
        table = undefined;
      });
      const access = createAccess(client);
      const balancer = createBalancer(world);
      const latest = () => {
        table ??= buildRouteTable(world, port);
        return table;
      };
      try {
        await using plane = await openDataPlane({ listen, table: latest, balancer, access, own, log });
        port = plane.port;
        await ensureDefaultGateway(client, port);
        await world.synced();
        table = undefined;
        ready.resolve();
        log.info("gateway listens", { host: listen.host, port });
        const at = { host: listen.host, port };
        const controllers = createStatusControllers({ client, informers, world, at, log });
        await Promise.all(controllers.map((controller) => controller.start(signal)));
      } catch (error) {
        ready.reject(error);
        throw error;
      } finally {
        world.stop();
      }
    },
  };
}
