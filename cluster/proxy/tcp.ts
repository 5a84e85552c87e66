import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Balancer } from "./balancer.ts";
import { keyOf } from "./schedulers.ts";

// A backend that does not answer the handshake by then is taken for gone.
const connectMs = 3000;

export interface Listener {
  /** Resolves when nothing listens any more; connections go on. */
  drain(): Promise<void>;
  /** Resolves when it was drained or closed, and the last connection has ended. */
  readonly ended: Promise<void>;
  /** Ends the connections too. */
  close(): Promise<void>;
}

/** Listens at a service's address and joins each connection to a backend; one that refuses is replaced by another. */
export async function listenTcp(host: string, port: number, balancer: Balancer): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    sockets.add(client);
    client.once("close", () => sockets.delete(client));
    // "close" follows.
    client.on("error", () => client.destroy());
    void join(client, host, balancer);
  });
  server.listen(port, host);
  await once(server, "listening");
  // No file is left for one more connection: who came is turned away, those that there are go on.
  server.on("error", () => {});
  const ended = once(server, "close").then(() => {});
  return {
    ended,
    async drain() {
      server.close();
    },
    async close() {
      if (server.listening) server.close();
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}

async function join(client: Socket, host: string, balancer: Balancer): Promise<void> {
  const refused = new Set<string>();
  const source = client.remoteAddress ?? "";
  for (;;) {
    const backend = balancer.choose(source, host, refused);
    if (!backend || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const release = balancer.hold(backend);
    const server = await dial(backend.address, backend.port);
    if (!server) {
      release();
      refused.add(keyOf(backend));
      continue;
    }
    server.once("close", release);
    endTogether(server, client);
    endTogether(client, server);
    if (client.destroyed) server.destroy();
    client.pipe(server);
    server.pipe(client);
    return;
  }
}

/** One end of a connection is gone: the other gets what is on its way to it, and learns whether that was all. */
function endTogether(gone: Socket, left: Socket): void {
  gone.once("close", () => {
    if (left.destroyed) return;
    if (!gone.readableEnded) left.resetAndDestroy();
    else if (left.writableLength > 0) left.end(() => left.destroy());
    else left.destroy();
  });
}

/** Undefined when there is no connection to be had. */
function dial(address: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => socket.destroy(), connectMs);
    let connected = false;
    socket.once("connect", () => {
      connected = true;
      clearTimeout(timer);
      resolve(socket);
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(timer);
      if (!connected) resolve(undefined);
    });
  });
}
