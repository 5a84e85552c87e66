// exec, attach and port-forward: CRI answers with a URL, behind which a server speaks Kubernetes' streaming protocol.
import { Duplex } from "node:stream";
import { createQueue } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { createTransport, isSwitched } from "../../wire/index.ts";
import { openSpdyClient, type SpdyClient, type SpdyStream } from "../../wire/spdy/index.ts";
import { type ExecSession, RuntimeError } from "../cri.ts";

const commandProtocol = "v4.channel.k8s.io";
const portProtocol = "portforward.k8s.io";

export interface StreamOptions {
  stdin: boolean;
  tty: boolean;
}

/** The streams of a command behind the URL that Exec or Attach gave. */
export async function openCommand(url: string, { stdin, tty }: StreamOptions, log: Logger): Promise<ExecSession> {
  const client = await dial(url, commandProtocol, log);
  const open = (streamtype: string) => client.open(new Map([["streamtype", streamtype]]));
  const error = await open("error");
  const input = stdin ? await open("stdin") : undefined;
  const stdout = await open("stdout");
  const stderr = tty ? undefined : await open("stderr");
  const sizes = tty ? await open("resize") : undefined;
  let killed = false;
  const exited = (async () => {
    const text = await textOf(error);
    client.close();
    if (text === "" && killed) return 137;
    return exitCodeOf(text);
  })();
  // Whoever only reads the output need not ask for the exit code.
  exited.catch((thrown) => log.debug("a command's streams broke", { error: thrown }));
  const nothing = createQueue<Uint8Array>();
  nothing.end();
  return {
    ...(input ? { write: (data: Uint8Array) => input.write(data), endInput: () => void input.end() } : {}),
    stdout,
    stderr: stderr ?? nothing,
    exited,
    resize: async (columns, rows) => {
      await sizes?.write(Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
    },
    kill() {
      killed = true;
      client.abort();
    },
  };
}

/** A connection to a port of a pod, behind the URL that PortForward gave. */
export async function openPort(url: string, port: number, log: Logger): Promise<Duplex> {
  const client = await dial(url, portProtocol, log);
  const open = (streamtype: string) =>
    client.open(new Map(Object.entries({ streamtype, port: String(port), requestid: "0" })));
  const error = await open("error");
  await error.end();
  const data = await open("data");
  const incoming = data[Symbol.asyncIterator]();
  const problem = textOf(error);
  let reading = false;
  const socket = new Duplex({
    read() {
      if (reading) return;
      reading = true;
      void incoming.next().then(async ({ done, value }) => {
        reading = false;
        if (!done) return void socket.push(value);
        const text = await Promise.race([problem, client.closed.then(() => "")]);
        if (text) socket.destroy(new RuntimeError("Failed", text));
        else socket.push(null);
      });
    },
    write: (chunk: Uint8Array, _encoding, done) => void data.write(chunk).then(() => done()),
    final: (done) => void data.end().then(() => done()),
    destroy(thrown, done) {
      client.abort();
      done(thrown);
    },
  });
  return socket;
}

async function dial(address: string, protocol: string, log: Logger): Promise<SpdyClient> {
  const url = new URL(address);
  // A server that listens on all addresses names none.
  const host = /^(\[::\]|0\.0\.0\.0|)$/.test(url.hostname) ? "127.0.0.1" : url.hostname;
  // Its certificate is one that it made for itself: the URL came over the runtime's own socket, which only root reaches.
  const transport = createTransport({ server: `${url.protocol}//${host}:${url.port}`, insecure: true });
  try {
    const answer = await transport.handler({
      method: "POST",
      url: `${url.pathname}${url.search}`,
      headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": protocol },
      signal: AbortSignal.timeout(30_000),
    });
    if (!isSwitched(answer)) {
      const why = answer.body instanceof Uint8Array ? Buffer.from(answer.body).toString().trim() : "";
      throw new RuntimeError("Failed", `the runtime's streaming server answered ${answer.status}: ${why}`);
    }
    return openSpdyClient(answer.connection.socket, answer.connection.head, log);
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    throw new RuntimeError("Failed", `the runtime's streaming server: ${messageOf(error)}`);
  }
}

async function textOf(stream: SpdyStream): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

interface StatusText {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** @param text a Status as JSON. @throws RuntimeError when the command did not run to its end. */
function exitCodeOf(text: string): number {
  if (text === "") throw new RuntimeError("Failed", "the runtime broke off the command's streams");
  let status: StatusText;
  try {
    status = JSON.parse(text) as StatusText;
  } catch {
    throw new RuntimeError("Failed", text);
  }
  if (status.status === "Success") return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode");
  const code = Number(cause?.message);
  if (status.reason === "NonZeroExitCode" && Number.isInteger(code)) return code;
  throw new RuntimeError("Failed", status.message ?? text);
}
