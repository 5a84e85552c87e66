import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices, Namespaces, Services } from "@capstan/api/generated/resources";
import { aborted, deferred } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Informers } from "@capstan/core/reconcile";
import { serviceLabel, virtualAddress } from "../backends.ts";
import { lowPortHint } from "../listeners.ts";
import { answerQuery } from "./answer.ts";
import { nodeServers } from "./forward.ts";
import type { Zone } from "./records.ts";

export interface DnsServerOptions {
  informers: Informers;
  /** Address to listen at; the port is 53 unless a test says otherwise. */
  host: string;
  port?: number;
  /** Default `cluster.local`. */
  domain?: string;
  /** Name servers for names outside the cluster, as `address` or `address:port`; default the node's. */
  servers?: string[];
  log: Logger;
}

export interface DnsServer {
  /** Resolves when it answers, or when it cannot listen, which only the log says: pods then ask the node's servers. */
  ready: Promise<void>;
  /** Whether names of the cluster resolve: what pods' resolv.conf depends on. */
  readonly serving: boolean;
  /** Where it answers, or why it does not. */
  about(): string;
  /** The port that it listens on. */
  readonly port: number;
  start(signal: AbortSignal): Promise<void>;
}

export function createDnsServer(options: DnsServerOptions): DnsServer {
  const { host, log, domain = "cluster.local" } = options;
  const zone = createZone(options.informers, domain);
  const ready = deferred();
  let serving = false;
  let trouble = "starting";
  let port = options.port ?? 53;
  return {
    ready: ready.promise,
    get serving() {
      return serving;
    },
    get port() {
      return port;
    },
    about: () => (serving ? `${host}:${port}` : `names of services do not resolve in pods: ${trouble}`),
    async start(signal) {
      const servers = options.servers ?? nodeServers(new Set([host]));
      await zone.synced();
      try {
        const tcp = await listenTcp(host, port, (query) => answerQuery(query, { zone, servers, tcp: true }), log);
        port = tcp.port;
        const udp = await listenUdp(host, port, (query) => answerQuery(query, { zone, servers, tcp: false }), log);
        serving = true;
        ready.resolve();
        await aborted(signal);
        serving = false;
        await Promise.all([tcp.close(), udp.close()]);
      } catch (error) {
        trouble = `${messageOf(error)}${lowPortHint(error)}`;
        log.warn("names of services do not resolve in pods", { host, port, error: trouble });
        ready.resolve();
        await aborted(signal);
      }
    },
  };
}

function createZone(informers: Informers, domain: string): Zone & { synced(): Promise<void> } {
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  const namespaces = informers.informer(Namespaces);
  services.addIndex("address", (service) => [virtualAddress(service) ?? []].flat());
  slices.addIndex("service", ({ metadata }) => {
    const name = metadata.labels?.[serviceLabel];
    return name ? [`${metadata.namespace}/${name}`] : [];
  });
  slices.addIndex("address", ({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
  return {
    domain,
    service: (namespace, name) => services.get({ namespace, name }),
    slices: (namespace, service) => slices.byIndex("service", `${namespace}/${service}`),
    hasNamespace: (name) => namespaces.get({ name }) !== undefined,
    byAddress(address) {
      const [service] = services.byIndex("address", address);
      if (service) return { service };
      for (const slice of slices.byIndex("address", address)) {
        const endpoint = endpointAt(slice, address);
        const name = slice.metadata.labels?.[serviceLabel] ?? "";
        const of = services.get({ namespace: slice.metadata.namespace ?? "", name });
        if (endpoint && of?.spec?.clusterIP === "None") return { endpoint: { slice, endpoint } };
      }
      return undefined;
    },
    synced: async () => {
      await Promise.all([services.synced(), slices.synced(), namespaces.synced()]);
    },
  };
}

const endpointAt = (slice: EndpointSlice, address: string) =>
  (slice.endpoints ?? []).find(({ addresses }) => addresses.includes(address));

type Answerer = (query: Buffer) => Promise<Buffer | undefined>;

async function listenUdp(host: string, port: number, answer: Answerer, log: Logger) {
  const socket = createSocket("udp4");
  socket.on("message", async (query, { address, port: from }) => {
    // Nobody can be answered there.
    if (from === 0) return;
    try {
      const reply = await answer(query);
      if (reply) socket.send(reply, from, address);
    } catch (error) {
      log.warn("a name could not be resolved", { error });
    }
  });
  socket.bind(port, host);
  await once(socket, "listening");
  socket.on("error", (error) => log.debug("an answer could not be sent", { error: messageOf(error) }));
  return {
    async close() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}

// A client that says nothing is let go.
const idleMs = 10_000;

async function listenTcp(host: string, port: number, answer: Answerer, log: Logger) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    serveSocket(socket, answer).catch((error) => {
      log.warn("a name could not be resolved", { error });
      socket.destroy();
    });
  });
  server.listen(port, host);
  await once(server, "listening");
  server.on("error", (error) => log.debug("a connection could not be taken", { error: messageOf(error) }));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Messages come with their length before them. */
async function serveSocket(socket: Socket, answer: Answerer): Promise<void> {
  let rest = Buffer.alloc(0);
  for await (const data of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2 && rest.length >= rest.readUInt16BE(0) + 2) {
      const length = rest.readUInt16BE(0);
      const reply = await answer(Buffer.from(rest.subarray(2, length + 2)));
      rest = rest.subarray(length + 2);
      if (!reply) continue;
      const head = Buffer.alloc(2);
      head.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([head, reply]));
    }
  }
}
