import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { RuntimeError } from "../cri.ts";
import type { Tools } from "./command-line.ts";

// A connection inside another network namespace needs a process that has entered it. process.stdout cannot be closed,
// and its end is how the other side learns that the pod has said all: a stream of its own on the same descriptor can.
const relay = (port: number) => `
const socket = require("node:net").connect({ port: ${port}, host: "127.0.0.1", allowHalfOpen: true });
socket.once("connect", () => { process.stderr.write("connected\\n"); process.stdin.pipe(socket); socket.pipe(require("node:fs").createWriteStream("", { fd: 1 })); });
socket.once("error", (error) => { process.stderr.write(error.message + "\\n"); process.stdin.destroy(); });
`;

/** A stream to localhost:port of the network that process `pid` is in. */
export async function forwardPort(pid: number, port: number, tools: Tools, onNode: boolean): Promise<Duplex> {
  if (onNode) {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }
  const args = ["--target", String(pid), "--net", process.execPath, "-e", relay(Math.trunc(port))];
  const child = spawn(tools.nsenter, args, { stdio: ["pipe", "pipe", "pipe"], env: {} });
  const said = await new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.stderr.setEncoding("utf8").once("data", resolve);
    child.once("close", () => resolve("the relay ended"));
  });
  if (said.trim() !== "connected") throw new RuntimeError("Failed", `port ${port}: ${said.trim()}`);
  child.stdin.on("error", () => child.kill());
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  stream.on("close", () => child.kill());
  return stream;
}
