// All of Capstan in one process: the composition root.
import type { Logger } from "@capstan/base/log";
import { createGraphCheck } from "@capstan/components/design";
import { sweepFileStore } from "@capstan/core/artifacts";
import type { Client } from "@capstan/core/client";
import { createRenewal, type KeyPair } from "@capstan/core/pki";
import { allocateInstanceNetwork, canBridge, sweepInstances } from "@capstan/core/runtime";
import { writeKubeconfig } from "@capstan/core/wire";
import { createWorkflowMetrics } from "@capstan/operators/workflow";
import { type ContentOptions, readContent } from "../backup/content.ts";
import type { InstanceStatus } from "../instance/control.ts";
import { createCaller } from "./caller.ts";
import { adminRequest } from "./certificates.ts";
import { codeDirectory } from "./code.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { startControllers, startOperators } from "./controllers.ts";
import { startConsole, startGateway } from "./front-doors.ts";
import { startNodes } from "./node.ts";
import { createParts, type Parts } from "./parts.ts";
import type { Settings } from "./settings.ts";

export interface Platform {
  status(): InstanceStatus;
  /**
   * Resolves when every part is ready; rejects when one fails on the way. With a damaged store the API server alone
   * runs, which only reads: then the answer says why.
   */
  ready: Promise<Running | ReadOnly>;
  /**
   * A backup of the running cluster, chunk by chunk. Throws until the store is open, and for a damaged one unless what
   * can be read of it is asked for.
   */
  backup(options: ContentOptions): AsyncIterable<Uint8Array>;
  /** Rejects when a part ends while the platform runs. */
  failed: Promise<never>;
  /** Resolves when every part has ended. */
  stopped(): Promise<void>;
}

/** What a running platform offers to whoever started it. */
export interface Running {
  client: Client;
  /** The examples/ folder. */
  examples: string;
  /** Directory of a namespace's artifacts. */
  artifacts(namespace: string): string;
  consolePort: number;
  gatewayPort: number;
  /** Holds a token that the gateway takes. */
  gatewayTokenFile: string;
}

/** The store is damaged. */
export interface ReadOnly {
  readOnly: string;
}

/** Starts everything; parts that do not need one another start at the same time. */
export function startPlatform(settings: Settings, log: Logger, signal: AbortSignal): Platform {
  const parts = createParts(log, signal);
  const addresses: Record<string, string> = {};
  let allReady = false;
  let opened: ControlPlane | undefined;
  const take = (plane: ControlPlane) => {
    opened = plane;
  };
  const ready = assemble(settings, log, parts, addresses, take).then((running) => {
    allReady = !("readOnly" in running);
    return running;
  });
  return {
    status: () => ({
      pid: process.pid,
      ready: allReady && parts.status().every((part) => part.ready),
      parts: parts.status(),
      addresses,
    }),
    ready,
    backup(options) {
      if (!opened) throw new Error("the platform is starting: wait with capstan status --wait 60, then try again");
      const { store, records } = opened;
      return readContent(store, settings.directory, { ...options, records });
    },
    failed: parts.failed,
    stopped: () => parts.stopped(),
  };
}

async function assemble(
  settings: Settings,
  log: Logger,
  parts: Parts,
  addresses: Record<string, string>,
  opened: (plane: ControlPlane) => void,
): Promise<Running | ReadOnly> {
  const { directory } = settings;
  const bridged = canBridge();
  await Promise.all([sweepInstances({ bridged }), sweepFileStore(directory.path("artifacts"))]);
  const network = allocateInstanceNetwork(directory.root, { bridged });
  const plane = await startControlPlane({
    directory,
    network,
    port: settings.apiPort,
    log,
    parts,
    audit: settings.audit,
    records: settings.records,
  });
  opened(plane);
  const admin = await plane.authority.obtain("admin", adminRequest);
  const keep = (pair: KeyPair) => {
    const access = { name: "capstan", server: plane.url, ca: plane.authority.cert, user: { name: "admin", ...pair } };
    return writeKubeconfig(directory.kubeconfig, access);
  };
  await keep(admin);
  const renewal = createRenewal({
    authority: plane.authority,
    certificates: [{ name: "admin", request: adminRequest, pair: admin, apply: keep }],
    log,
  });
  parts.add({ name: "kubeconfig", start: (signal) => renewal.start(signal), about: () => directory.kubeconfig });
  addresses.api = plane.url;
  if (plane.store.failure) return { readOnly: plane.store.failure.message };
  const { nodeGraceSeconds } = settings;
  startControllers(plane, { volumesDir: directory.path("volumes"), nodeGraceSeconds }, log, parts);
  const node = startNodes(plane, settings, network, log, parts);
  const artifacts = (namespace: string) => directory.path("artifacts", namespace);
  const caller = await createCaller(plane.client);
  const gatewayTokenFile = directory.path("gateway-token");
  const kept = caller.keep(gatewayTokenFile);
  parts.add({ name: "gateway-token", start: kept.start, ready: kept.written });
  const metrics = createWorkflowMetrics(plane.informers);
  const gatewayPort = await startGateway(plane, settings, log, parts, metrics);
  const consolePort = await startConsole(plane, settings, { port: gatewayPort, caller }, log, parts);
  const checkers = [createGraphCheck({ artifacts })];
  const { executorImage, registries, records } = settings;
  const operators = { artifacts, gatewayPort, checkers, archive: records.archive, metrics, executorImage, registries };
  startOperators(plane, operators, log, parts);
  addresses.gateway = `http://127.0.0.1:${gatewayPort}`;
  addresses.console = `http://127.0.0.1:${consolePort}`;
  await node;
  await parts.ready();
  return {
    client: plane.client,
    examples: `${codeDirectory}examples`,
    artifacts,
    consolePort,
    gatewayPort,
    gatewayTokenFile,
  };
}
