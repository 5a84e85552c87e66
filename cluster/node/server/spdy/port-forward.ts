// Port-forward: each connection of the client is a pair of SPDY streams, on a raw connection or inside WebSocket.
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { openSpdySession, type SpdySession, type SpdyStream } from "@capstan/core/wire/spdy";
import { acceptWebSocket, asStream, type Connection, isWebSocket } from "../websocket.ts";
import { acceptSpdy, isSpdy } from "./command.ts";

/** The client's side has this long after the pod's has ended, milliseconds. Source: containerd's port-forward, socat's -t. */
const patience = 500;

const spdyProtocol = "portforward.k8s.io";
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";

/** @param dial a stream to a port of the pod. */
export async function forwardPorts(
  connection: Connection,
  dial: (port: number) => Promise<Duplex>,
  log: Logger,
): Promise<void> {
  const session = await accept(connection, log);
  const errors = new Map<string, SpdyStream>();
  const running = new Set<Promise<void>>();
  for await (const stream of session.streams) {
    const id = stream.headers.get("requestid") ?? "";
    const port = Number(stream.headers.get("port"));
    if (stream.headers.get("streamtype") === "error") {
      errors.set(id, stream);
      continue;
    }
    const error = errors.get(id);
    errors.delete(id);
    if (!error || !Number.isInteger(port) || port < 1 || port > 65_535) {
      stream.reset();
      continue;
    }
    const one = join(stream, error, port, dial).finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
}

async function accept(connection: Connection, log: Logger): Promise<SpdySession> {
  if (isSpdy(connection)) return acceptSpdy(connection, [spdyProtocol], log);
  if (!isWebSocket(connection))
    throw new StatusError("BadRequest", "port-forward needs an upgrade to SPDY/3.1 or WebSocket");
  const socket = asStream(await acceptWebSocket(connection, [tunnelProtocol]));
  return openSpdySession(socket, new Uint8Array(0), log);
}

async function join(
  stream: SpdyStream,
  error: SpdyStream,
  port: number,
  dial: (port: number) => Promise<Duplex>,
): Promise<void> {
  let socket: Duplex;
  try {
    socket = await dial(port);
  } catch (thrown) {
    await error.write(Buffer.from(`error forwarding port ${port} to pod: ${messageOf(thrown)}`));
    await Promise.all([error.end(), stream.end()]);
    return;
  }
  // "close" follows every error.
  socket.on("error", () => socket.destroy());
  const up = async () => {
    for await (const data of stream) {
      if (!socket.writable) return;
      if (!socket.write(data)) await new Promise<void>((resolve) => drained(socket, resolve));
    }
    socket.end();
  };
  const down = async () => {
    try {
      for await (const data of socket as AsyncIterable<Uint8Array>) await stream.write(data);
    } catch (thrown) {
      await error.write(Buffer.from(`error forwarding port ${port} to pod: ${messageOf(thrown)}`));
    }
    await stream.end();
  };
  const receiving = up();
  await down();
  // Clients close their side when both streams have ended, not before: waiting for it alone would be for ever.
  await Promise.race([receiving, wait(patience, undefined, { ref: false })]);
  await error.end();
  socket.destroy();
  await receiving;
}

function drained(socket: Duplex, resolve: () => void): void {
  socket.once("drain", resolve);
  socket.once("close", resolve);
}
