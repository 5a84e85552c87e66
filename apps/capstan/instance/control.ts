// The control socket: how `capstan status` and `capstan down` reach the running process. Its file mode is its lock.

import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "@capstan/base/errors";
import { http } from "@capstan/core/wire";

export interface PartStatus {
  name: string;
  ready: boolean;
  message: string;
}

export interface InstanceStatus {
  pid: number;
  ready: boolean;
  parts: PartStatus[];
  addresses: Record<string, string>;
}

export interface ControlOptions {
  socket: string;
  status(): InstanceStatus;
  /** Resolves when every part is ready. */
  ready: Promise<void>;
  stop(): void;
  /** A backup, chunk by chunk; throws while there is nothing to back up yet, and for a damaged store that is not salvaged. */
  backup(options: { salvage: boolean }): AsyncIterable<Uint8Array>;
}

/** Listens until disposed. GET /status[?wait=milliseconds], GET /backup[?salvage=true], POST /down. */
export async function serveControl({ socket, status, ready, stop, backup }: ControlOptions): Promise<AsyncDisposable> {
  rmSync(socket, { force: true });
  const server = http.createServer(async (incoming, outgoing) => {
    const url = new URL(incoming.url ?? "/", "http://capstan");
    if (incoming.method === "POST" && url.pathname === "/down") {
      // The answer stays open: the caller sees the end of the process as the end of the stream.
      outgoing.writeHead(200).flushHeaders();
      stop();
      return;
    }
    if (incoming.method === "GET" && url.pathname === "/backup") {
      const salvage = url.searchParams.get("salvage") === "true";
      await sendBackup(outgoing, () => backup({ salvage }));
      return;
    }
    const wait = Number(url.searchParams.get("wait") ?? 0);
    if (wait > 0) await Promise.race([ready, elapsed(wait)]);
    outgoing.setHeader("content-type", "application/json");
    outgoing.end(JSON.stringify(status()));
  });
  server.listen(socket);
  await once(server, "listening");
  chmodSync(socket, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      rmSync(socket, { force: true });
    },
  };
}

/** A stream that breaks off is half a backup to its reader, which says so; an error before it is told. */
async function sendBackup(outgoing: ServerResponse, backup: () => AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of backup()) if (!outgoing.write(chunk)) await drained(outgoing);
    outgoing.end();
  } catch (error) {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(503).end(messageOf(error));
  }
}

/** Throws when the reader has gone. */
async function drained(outgoing: ServerResponse): Promise<void> {
  const over = new AbortController();
  outgoing.once("close", () => over.abort());
  if (outgoing.destroyed) over.abort();
  await once(outgoing, "drain", { signal: over.signal });
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** Asks the running process; undefined when none listens. */
export async function askStatus(socket: string, waitMs = 0): Promise<InstanceStatus | undefined> {
  const body = await ask(socket, "GET", `/status?wait=${waitMs}`);
  return body === undefined ? undefined : JSON.parse(body);
}

/** Stops the running process and resolves when it has closed its end; false when none listens. */
export async function askDown(socket: string): Promise<boolean> {
  return (await ask(socket, "POST", "/down")) !== undefined;
}

/** A backup of the running process; undefined when none listens. Throws when it cannot give one now. */
export async function askBackup(
  socketPath: string,
  { salvage }: { salvage: boolean },
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const outgoing = http.request({ socketPath, path: `/backup?salvage=${salvage}`, agent: false });
  outgoing.end();
  let incoming: IncomingMessage;
  try {
    [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  if (incoming.statusCode !== 200) throw new Error((await incoming.toArray()).join(""));
  return untilBroken(incoming);
}

async function* untilBroken(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* incoming;
  } catch (error) {
    throw new Error(`the platform ended before its backup did (${messageOf(error)})`, { cause: error });
  }
}

const isAbsent = (error: unknown) => ["ENOENT", "ECONNREFUSED"].includes((error as NodeJS.ErrnoException).code ?? "");

function ask(socketPath: string, method: string, path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ socketPath, method, path, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("close", () => resolve(Buffer.concat(chunks).toString()));
      incoming.on("error", () => resolve(Buffer.concat(chunks).toString()));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      if (isAbsent(error)) resolve(undefined);
      else reject(error);
    });
    outgoing.end();
  });
}
