import { StatusError } from "@capstan/api/meta";
import type { PodWorker } from "../pods/worker.ts";
import { relay } from "./command-streams.ts";
import type { NodeServerOptions } from "./server.ts";
import { type Connection, isWebSocket, webSocketStreams } from "./websocket.ts";

const truthy = (value: string | null) => value === "1" || value === "true";

/** Serves exec and attach. What is wrong with the request is thrown before the protocol changes. */
export async function serveCommand(
  { runtime }: NodeServerOptions,
  what: "exec" | "attach",
  containerId: string,
  containerTty: boolean,
  connection: Connection,
): Promise<void> {
  const { searchParams: query } = connection.url;
  const command = query.getAll("command");
  if (what === "exec" && command.length === 0)
    throw new StatusError("BadRequest", "you must specify at least 1 command");
  const stdin = truthy(query.get("input"));
  const tty = what === "exec" ? truthy(query.get("tty")) : containerTty;
  const session =
    what === "exec" ? await runtime.exec(containerId, { command, stdin, tty }) : await runtime.attach(containerId);
  try {
    if (!isWebSocket(connection)) throw new StatusError("BadRequest", "SPDY is not served");
    await relay(session, await webSocketStreams(connection, stdin));
  } catch (error) {
    session.kill();
    throw error;
  }
}

export async function servePortForward(_: NodeServerOptions, __: PodWorker, connection: Connection): Promise<void> {
  throw new StatusError("NotImplemented", `port-forward over ${connection.request.headers.upgrade} is not served`);
}
