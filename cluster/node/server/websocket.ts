import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { StatusError } from "@capstan/api/meta";
import { createQueue } from "@capstan/base/async";
import type { HttpRequest } from "@capstan/base/http";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import type { CommandStreams, TerminalSize } from "./command-streams.ts";

export interface Connection {
  request: HttpRequest;
  socket: Duplex;
  head: Uint8Array;
  url: URL;
}

export const isWebSocket = ({ request }: Connection) => request.headers.upgrade?.toLowerCase() === "websocket";

const messageLimit = 32 * 1024 * 1024;

/** Answers the handshake with the first of `protocols` that the client offers. Throws BadRequest without one. */
export function acceptWebSocket({ request, socket, head }: Connection, protocols: string[]): Promise<WebSocket> {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const chosen = protocols.find((name) => offered.includes(name));
  if (!chosen) {
    throw new StatusError(
      "BadRequest",
      `unable to negotiate protocol: client supports ${offered.join(", ") || "none"}, server ${protocols.join(", ")}`,
    );
  }
  const server = new WebSocketServer({ noServer: true, maxPayload: messageLimit, handleProtocols: () => chosen });
  const incoming = { method: request.method, url: request.url, headers: request.headers } as unknown as IncomingMessage;
  return new Promise((resolve) => server.handleUpgrade(incoming, socket, Buffer.from(head), resolve));
}

/** The connection as a plain stream of bytes, carried in binary messages. */
export function asStream(socket: WebSocket): Duplex {
  return createWebSocketStream(socket);
}

// Channels of v4.channel.k8s.io and v5: the first byte of every message.
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 };
export const commandProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** Messages that wait to be written to a client that reads slowly. */
const highWater = 4 * 1024 * 1024;

/** The streams that the request announced. */
export interface ExpectedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** exec and attach over WebSocket. */
export async function webSocketStreams(connection: Connection, expected: ExpectedStreams): Promise<CommandStreams> {
  const socket = await acceptWebSocket(connection, commandProtocols);
  const input = createQueue<Uint8Array>();
  const resize = createQueue<TerminalSize>();
  socket.on("message", (message: Buffer) => {
    const data = message.subarray(1);
    if (message[0] === channel.stdin) input.push(data);
    else if (message[0] === channel.resize) pushSize(resize, data);
    else if (message[0] === channel.close && data[0] === channel.stdin) input.end();
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // "close" follows every error.
  socket.on("error", () => {});
  void closed.then(() => {
    input.end();
    resize.end();
  });
  const send = async (to: number, data: Uint8Array) => {
    if (socket.readyState !== socket.OPEN) return;
    const sent = new Promise<void>((resolve) => socket.send(Buffer.concat([Buffer.from([to]), data]), () => resolve()));
    if (socket.bufferedAmount > highWater || to === channel.error) await sent;
  };
  // An empty message on the lowest channel that is written to tells the client that it is connected. Source: the
  // kubelet's cri/streaming/remotecommand/websocket.go.
  const { stdout, stderr, tty } = expected;
  await send(stdout ? channel.stdout : stderr && !tty ? channel.stderr : channel.error, new Uint8Array(0));
  return {
    stdin: expected.stdin ? input : undefined,
    resize,
    stdout: async (data) => {
      if (stdout) await send(channel.stdout, data);
    },
    stderr: async (data) => {
      if (stderr && !tty) await send(channel.stderr, data);
    },
    closed,
    async finish(status) {
      await send(channel.error, Buffer.from(status));
      socket.close(1000);
      await closed;
    },
  };
}

/** A size that is not one is ignored, as the kubelet does. */
export function pushSize(queue: { push(size: TerminalSize): void }, data: Uint8Array): void {
  const match = /^\s*\{\s*"Width"\s*:\s*(\d+)\s*,\s*"Height"\s*:\s*(\d+)\s*\}\s*$/.exec(Buffer.from(data).toString());
  if (match) queue.push({ Width: Number(match[1]), Height: Number(match[2]) });
}
