import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Backend } from "./backends.ts";
import type { Balancer } from "./balancer.ts";
import type { Listener } from "./tcp.ts";

// The kernel's time-outs for UDP that was answered: nf_conntrack_udp_timeout_stream.
const idleMs = 120_000;
/** Clients that are remembered at once; the oldest goes first. */
const sessionLimit = 4096;

/** Datagrams of a client that wait while its socket is made; more are dropped, as a full queue of the kernel does. */
const waitingLimit = 64;

interface Session {
  socket: Socket;
  backend: Backend;
  /** Absent once the socket is connected. */
  waiting: Buffer[] | undefined;
  release: () => void;
  timer: NodeJS.Timeout;
}

/** Listens at a service's address; the datagrams of one client go to one backend until it has been silent for long. */
export async function listenUdp(host: string, port: number, balancer: Balancer): Promise<Listener> {
  const server = createSocket("udp4");
  let listening = true;
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
      session.timer.refresh();
      if (listening) server.send(data, from, address);
    });
    const timer = setTimeout(() => end(key), idleMs);
    const session: Session = { socket, backend, waiting: [], release: balancer.hold(backend), timer };
    sessions.set(key, session);
    socket.connect(backend.port, backend.address);
    socket.once("connect", () => {
      for (const data of session.waiting ?? []) socket.send(data);
      session.waiting = undefined;
    });
    return session;
  };
  server.on("message", (data, { address, port: from }) => {
    // Nobody can be answered there.
    if (from === 0) return;
    const key = `${address}:${from}`;
    const known = sessions.get(key);
    if (known && !balancer.serves(known.backend)) end(key);
    const session = sessions.get(key) ?? open(key, address, from);
    if (!session) return;
    session.timer.refresh();
    if (!session.waiting) session.socket.send(data);
    else if (session.waiting.length < waitingLimit) session.waiting.push(data);
    const [oldest] = sessions.keys();
    if (sessions.size > sessionLimit && oldest !== undefined) end(oldest);
  });
  server.bind(port, host);
  await once(server, "listening");
  // A client that cannot be reached any more: its datagrams are lost, as they are on any network.
  server.on("error", () => {});
  const ended = once(server, "close").then(() => {});
  const close = async () => {
    if (listening) server.close();
    listening = false;
    for (const key of [...sessions.keys()]) end(key);
    await ended;
  };
  // There is nothing to wait for: a client that goes on asking does not know that its endpoint has gone.
  return { ended, drain: close, close };
}
