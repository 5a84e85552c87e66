// exec and attach over SPDY/3.1, as clients before WebSocket speak it.
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { StatusError } from "@capstan/api/meta";
import { createQueue } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { writeSwitch } from "@capstan/core/wire";
import { openSpdySession, type SpdySession, type SpdyStream } from "@capstan/core/wire/spdy";
import type { CommandStreams, TerminalSize } from "../command-streams.ts";
import { type Connection, type ExpectedStreams, pushSize } from "../websocket.ts";

const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
// Source: the kubelet's DefaultStreamCreationTimeout.
const streamsMs = 30_000;
/** A client that has been told the end has this long to close the connection. */
const closeMs = 5000;

export const isSpdy = ({ request }: Connection) => request.headers.upgrade?.toLowerCase() === "spdy/3.1";

/** Answers the handshake with the first protocol that both sides know. */
export function acceptSpdy({ request, socket, head }: Connection, known: string[], log: Logger): SpdySession {
  const offered = (request.headers["x-stream-protocol-version"] ?? "").split(",").map((name) => name.trim());
  const chosen = known.find((name) => offered.includes(name));
  if (!chosen) {
    throw new StatusError(
      "Forbidden",
      `unable to upgrade: client supports ${offered.join(", ")}, server ${known.join(", ")}`,
    );
  }
  const headers = { Connection: "Upgrade", Upgrade: "SPDY/3.1", "X-Stream-Protocol-Version": chosen };
  writeSwitch(socket, Object.entries(headers).flat());
  return openSpdySession(socket as Duplex, head, log);
}

export async function spdyStreams(
  connection: Connection,
  expected: ExpectedStreams,
  log: Logger,
): Promise<CommandStreams> {
  const session = acceptSpdy(connection, protocols, log);
  const wanted = new Set(["error"]);
  for (const name of ["stdin", "stdout", "stderr"] as const) if (expected[name]) wanted.add(name);
  if (expected.tty) {
    wanted.delete("stderr");
    wanted.add("resize");
  }
  const found = await collect(session, wanted);
  const stdin = found.get("stdin");
  const resize = createQueue<TerminalSize>();
  const sizes = found.get("resize");
  if (sizes) void readSizes(sizes, resize);
  void session.closed.then(() => resize.end());
  const to = (name: string) => async (data: Uint8Array) => {
    await found.get(name)?.write(data);
  };
  return {
    stdin,
    resize,
    stdout: to("stdout"),
    stderr: to("stderr"),
    closed: session.closed,
    async finish(status) {
      await found.get("error")?.write(Buffer.from(status));
      for (const stream of found.values()) await stream.end();
      // Go's clients drop what they have received and not yet handed on when the connection ends under them: they close it.
      await Promise.race([session.closed, wait(closeMs, undefined, { ref: false })]);
      session.close();
      await session.closed;
    },
  };
}

/** Waits for the streams that the request announced. */
async function collect(session: SpdySession, wanted: ReadonlySet<string>): Promise<Map<string, SpdyStream>> {
  const found = new Map<string, SpdyStream>();
  const timer = setTimeout(() => session.close(), streamsMs);
  try {
    for await (const stream of session.streams) {
      found.set(stream.headers.get("streamtype") ?? "", stream);
      if ([...wanted].every((name) => found.has(name))) return found;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new StatusError("Timeout", `the client did not open its streams (${[...wanted].join(", ")})`);
}

async function readSizes(stream: SpdyStream, queue: { push(size: TerminalSize): void }): Promise<void> {
  let text = "";
  for await (const data of stream) {
    text += Buffer.from(data).toString("utf8");
    // One JSON object after another, with or without line ends.
    for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}")) {
      pushSize(queue, Buffer.from(text.slice(0, end + 1)));
      text = text.slice(end + 1);
    }
  }
}
