// Store, API server and its port: what everything else of the platform talks to.

import { StatusError } from "@capstan/api/meta";
import type { Handler, Principal } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { createApiServer } from "@capstan/cluster/apiserver";
import { bootstrapPriorityClasses, createAdmission } from "@capstan/cluster/apiserver/admission";
import { type AuditOptions, createAudit } from "@capstan/cluster/apiserver/audit";
import { createAuthentication, createIssuerDiscovery, defaultIssuer } from "@capstan/cluster/apiserver/authentication";
import { bootstrapRbac, createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { createMetrics } from "@capstan/cluster/apiserver/metrics";
import { createRecordsApi } from "@capstan/cluster/apiserver/records";
import { createStreams } from "@capstan/cluster/apiserver/streams";
import { type Client, createClient } from "@capstan/core/client";
import { type Authority, openTokenSigner } from "@capstan/core/pki";
import { createInformers, type Informers } from "@capstan/core/reconcile";
import type { Records } from "@capstan/core/records";
import type { InstanceNetwork } from "@capstan/core/runtime";
import { isStoreError, openStore, type Store, salvageStore } from "@capstan/core/store";
import { type Serving, serve } from "@capstan/core/wire";
import type { DataDirectory } from "../instance/data-directory.ts";
import {
  apiServerRequest,
  createServerRenewal,
  kubeletClientRequest,
  openCertificates,
  openFrontProxy,
} from "./certificates.ts";
import { installDefinitions } from "./definitions.ts";
import type { Parts } from "./parts.ts";
import { addRecords } from "./records.ts";
import type { Settings } from "./settings.ts";

export interface ControlPlane {
  /** Closed by its part. With a `failure` from the start it was damaged: then the API server reads, and nothing else runs. */
  store: Store;
  /** Closed by its part too. */
  records: Records;
  handler: Handler;
  /** Acts as the cluster itself. */
  client: Client;
  informers: Informers;
  authority: Authority;
  /** https://127.0.0.1:port */
  url: string;
  port: number;
}

export interface ControlPlaneOptions {
  directory: DataDirectory;
  network: InstanceNetwork;
  port: number;
  log: Logger;
  parts: Parts;
  audit?: AuditOptions | undefined;
  records: Settings["records"];
}

/** The platform's own parts; they run in the API server's process and need no certificate. */
const system: Principal = { name: "system:capstan", groups: ["system:masters", "system:authenticated"] };

/** Starts the store and the API server, and resolves when kubectl could use them. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, network, port, parts } = options;
  const log = options.log.with({ part: "api-server" });
  const authority = await openCertificates(directory.path("pki"));
  const request = apiServerRequest(network.apiServiceIp);
  const [pair, kubeletClient, proxy, signer] = await Promise.all([
    authority.obtain("apiserver", request),
    authority.obtain("apiserver-kubelet-client", kubeletClientRequest),
    openFrontProxy(directory.path("pki", "front-proxy"), authority.cert, log),
    openTokenSigner(directory.path("pki")),
  ]);
  const kubelets = { ca: authority.cert, ...kubeletClient };
  const store = openOrSalvage(directory.path("store"), log);
  parts.add({
    name: "store",
    problem: () => store.failure?.message,
    start: (signal) => whenAborted(signal).then(() => store.close()),
  });

  let answer: Handler = () => Promise.reject(new StatusError("ServiceUnavailable", "the API server is starting"));
  const tls = { cert: pair.cert, key: pair.key, clientCa: authority.cert };
  const serving: Serving = await serve({ handler: (incoming) => answer(incoming), port, tls, log }).catch(
    withFlag("--api-port"),
  );
  parts.add({
    name: "api-port",
    about: () => serving.url,
    start: (signal) => whenAborted(signal).then(() => serving.close()),
  });
  const audit = options.audit && createAudit(options.audit);
  const records = addRecords(options, () => client);
  const server = createApiServer({
    store,
    log,
    serviceCidr: network.serviceCidr,
    advertise: { address: "127.0.0.1", port: serving.port },
    frontProxy: proxy.front,
    extensions: [
      ...(audit ? [audit.outer] : []),
      createAuthentication({ signer }),
      ...(audit ? [audit.inner] : []),
      createAuthorization(),
      createIssuerDiscovery({ signer, issuer: defaultIssuer }),
      createAdmission({ log, client: () => client }),
      createStreams({ client: kubelets }),
      createMetrics({ source: { client: kubelets }, log }),
      createRecordsApi(records),
    ],
  });
  answer = server.handler;
  const client: Client = createClient(server.handler, { principal: system, userAgent: "capstan" });
  const informers = createInformers(client, { log });
  const renewal = createServerRenewal(
    authority,
    { serving, server: { name: "apiserver", request, pair }, kubelets },
    log,
  );
  const { url, port: bound } = serving;
  const plane = { store, records, handler: server.handler, client, informers, authority, url, port: bound };
  if (store.failure) {
    parts.add({ name: "api-server", about: () => "only reads", start: (signal) => renewal.start(signal) });
    return plane;
  }
  parts.add({
    name: "api-server",
    ready: server.ready,
    start: async (signal) => {
      await Promise.all([server.start(signal), renewal.start(signal), proxy.renewal.start(signal)]);
    },
  });
  parts.add({ name: "informers", start: (signal) => informers.start(signal) });
  await server.ready;
  await Promise.all([bootstrapRbac(client), bootstrapPriorityClasses(client), installDefinitions(client)]);
  return plane;
}

/** A damaged store is served for reading, as far as it can be read. */
function openOrSalvage(directory: string, log: Logger): Store {
  try {
    return openStore(directory);
  } catch (error) {
    if (!isStoreError(error, "Corrupted")) throw error;
    log.error("the store is damaged: it is served read-only, and nothing else starts", { error });
    const store = salvageStore(directory);
    for (const { why } of store.damage) log.error("a part of the store is lost", { error: why });
    return store;
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Names the option that chooses a port in the error of a port that cannot be had. */
export function withFlag(flag: string): (error: Error) => never {
  return (error) => {
    throw new Error(`${error.message}; ${flag} N chooses another, ${flag} 0 any free one`, { cause: error });
  };
}
