import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Balancer } from "./balancer.ts";
import type { Listener } from "./tcp.ts";

// The kernel's time-outs for UDP that was answered: nf_conntrack_udp_timeout_stream.
const idleMs = 120_000;
/** Clients that are remembered at once; the oldest goes first. */
const sessionLimit = 4096;

interface Session {
  socket: Socket;
  release: () => void;
  timer: NodeJS.Timeout;
}

/** Listens at a service's address; the datagrams of one client go to one backend until it has been silent for long. */
export async function listenUdp(host: string, port: number, balancer: Balancer): Promise<Listener> {
  const server = createSocket("udp4");
  const sessions = new Map<string, Session>();
  const end = (key: string) => {
    const session = sessions.get(key);
    if (!session) return;
    sessions.delete(key);
    clearTimeout(session.timer);
    session.release();
    session.socket.close();
  };
  const open = (key: string, address: string, from: number): Session | undefined => {
    const backend = balancer.choose(address, host, new Set());
    if (!backend) return undefined;
    const socket = createSocket("udp4");
    // An unreachable backend: the next datagram chooses again.
    socket.on("error", () => end(key));
    socket.on("message", (data) => {
      sessions.get(key)?.timer.refresh();
      server.send(data, from, address);
    });
    const timer = setTimeout(() => end(key), idleMs);
    const session = { socket, release: balancer.hold(backend), timer };
    sessions.set(key, session);
    socket.connect(backend.port, backend.address);
    return session;
  };
  server.on("message", (data, { address, port: from }) => {
    const key = `${address}:${from}`;
    const known = sessions.get(key);
    const session = known ?? open(key, address, from);
    if (!session) return;
    session.timer.refresh();
    if (known) session.socket.send(data);
    else session.socket.once("connect", () => session.socket.send(data));
    const [oldest] = sessions.keys();
    if (sessions.size > sessionLimit && oldest !== undefined) end(oldest);
  });
  server.bind(port, host);
  await once(server, "listening");
  const ended = once(server, "close").then(() => {});
  let listening = true;
  const close = async () => {
    if (listening) server.close();
    listening = false;
    for (const key of [...sessions.keys()]) end(key);
    await ended;
  };
  // There is nothing to wait for: a client that goes on asking does not know that its endpoint has gone.
  return { ended, drain: close, close };
}
