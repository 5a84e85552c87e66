import { StatusError } from "@capstan/api/meta";
import type { PodWorker } from "../pods/worker.ts";
import { relay } from "./command-streams.ts";
import type { NodeServerOptions } from "./server.ts";
import { isSpdy, spdyStreams } from "./spdy/command.ts";
import { forwardPorts } from "./spdy/port-forward.ts";
import { type Connection, isWebSocket, webSocketStreams } from "./websocket.ts";

const truthy = (value: string | null) => value === "1" || value === "true";

/** Serves exec and attach. What is wrong with the request is thrown before the protocol changes. */
export async function serveCommand(
  { runtime, log }: NodeServerOptions,
  what: "exec" | "attach",
  containerId: string,
  containerTty: boolean,
  connection: Connection,
): Promise<void> {
  const { searchParams: query } = connection.url;
  const command = query.getAll("command");
  if (what === "exec" && command.length === 0) {
    throw new StatusError("BadRequest", "you must specify at least 1 command");
  }
  if (!isWebSocket(connection) && !isSpdy(connection)) {
    throw new StatusError("BadRequest", `${what} needs an upgrade to WebSocket or SPDY/3.1`);
  }
  const stdin = truthy(query.get("input"));
  const tty = what === "exec" ? truthy(query.get("tty")) : containerTty;
  const expected = { stdin, stdout: truthy(query.get("output")), stderr: truthy(query.get("error")), tty };
  const session =
    what === "exec" ? await runtime.exec(containerId, { command, stdin, tty }) : await runtime.attach(containerId);
  try {
    const streams = isWebSocket(connection)
      ? await webSocketStreams(connection, expected)
      : await spdyStreams(connection, expected, log);
    await relay(session, streams);
  } catch (error) {
    session.kill();
    throw error;
  }
}

/** Ports are those of the pod's localhost. */
export async function servePortForward(
  { runtime, log }: NodeServerOptions,
  worker: PodWorker,
  connection: Connection,
): Promise<void> {
  const sandbox = worker.sandbox;
  if (sandbox?.state !== "ready") {
    const message = `unable to forward port because pod ${worker.pod.metadata.name} is not running`;
    throw new StatusError("BadRequest", message);
  }
  await forwardPorts(connection, (port) => runtime.portForward(sandbox.id, port), log);
}
