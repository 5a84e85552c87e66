// What people and programs outside the cluster reach: the gateway and the console.

import { aborted } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { createGateway } from "@capstan/cluster/gateway";
import { createConsoleServer, loadConsoleSecret } from "@capstan/console/server";
import { serve } from "@capstan/core/wire";
import { createEventHandler, eventsPath, type WorkflowMetrics } from "@capstan/operators/workflow";
import type { Caller } from "./caller.ts";
import { codeDirectory } from "./code.ts";
import { type ControlPlane, withFlag } from "./control-plane.ts";
import { createMetricsHandler, metricsPath } from "./metrics.ts";
import type { Parts } from "./parts.ts";
import type { Settings } from "./settings.ts";

const host = "127.0.0.1";

/** Resolves with the gateway's port once it serves. */
export async function startGateway(
  plane: ControlPlane,
  settings: Settings,
  log: Logger,
  parts: Parts,
  metrics: WorkflowMetrics,
): Promise<number> {
  const listen = { host, port: settings.gatewayPort };
  const gateway = createGateway({
    client: plane.client,
    informers: plane.informers,
    listen,
    log: log.with({ part: "gateway" }),
    own: [
      { prefix: eventsPath, handler: createEventHandler({ api: plane.handler, client: plane.client, log }) },
      { prefix: metricsPath, handler: createMetricsHandler(plane.client, metrics.text) },
    ],
  });
  parts.add({
    name: "gateway",
    ready: gateway.ready,
    about: () => `http://${host}:${gateway.port}`,
    start: (signal) => gateway.start(signal).catch(withFlag("--gateway-port")),
  });
  await gateway.ready;
  return gateway.port;
}

/** Resolves with the console's port once it serves. */
export async function startConsole(
  plane: ControlPlane,
  settings: Settings,
  gateway: { port: number; caller: Caller },
  log: Logger,
  parts: Parts,
): Promise<number> {
  const dataDir = settings.directory.root;
  const server = createConsoleServer({
    api: plane.handler,
    gateway: { port: gateway.port, token: gateway.caller.token, tokenFile: settings.directory.path("gateway-token") },
    secret: await loadConsoleSecret(dataDir),
    dataDir,
    dist: `${codeDirectory}apps/console/dist`,
    log: log.with({ part: "console" }),
  });
  const { handler, upgrade } = server;
  const serving = await serve({ handler, upgrade, port: settings.consolePort, host, log }).catch(
    withFlag("--console-port"),
  );
  parts.add({
    name: "console",
    about: () => serving.url,
    start: async (signal) => {
      await aborted(signal);
      await serving.close();
    },
  });
  return serving.port;
}
