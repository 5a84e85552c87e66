// Another machine, as far as packets can tell: a network namespace with addresses of its own and a cable to this one.
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

export interface OutsideOptions {
  /** This machine's end of the cable, such as 198.51.100.1/24. */
  here: string;
  /** Address of the other machine → what its HTTP server there answers. */
  servers: Record<string, string>;
  port: number;
}

export interface Outside extends AsyncDisposable {
  /** Runs a program there, and resolves to what it printed. */
  run(command: string[]): Promise<string>;
}

/** Its servers listen when the promise resolves. Needs root and the programs ip, unshare and nsenter. */
export async function startOutside({ here, servers, port }: OutsideOptions): Promise<Outside> {
  // It answers at once: to who sends a request as well as to who only listens.
  const program = `
    const answers = ${JSON.stringify(servers)};
    require("node:net").createServer((socket) => {
      socket.on("error", () => socket.destroy()).resume();
      socket.end("HTTP/1.0 200 OK\\r\\n\\r\\n" + answers[socket.localAddress] + "\\n");
    }).listen(${port}, "0.0.0.0", () => console.log("up"));`;
  const child: ChildProcess = spawn("unshare", ["--net", process.execPath, "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), once(child, "exit")]);
  const cable = `out${child.pid}`;
  const ip = (...args: string[]) => execFileSync("ip", args);
  const there = (...args: string[]) => execFileSync("nsenter", ["--net", `--target=${child.pid}`, "ip", ...args]);
  ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", String(child.pid));
  ip("addr", "add", here, "dev", cable);
  ip("link", "set", cable, "up");
  const prefix = here.split("/")[1];
  for (const address of Object.keys(servers)) there("addr", "add", `${address}/${prefix}`, "dev", "eth0");
  there("link", "set", "eth0", "up");
  const enter = ["--net", `--target=${child.pid}`, "--"];
  return {
    run: async (command) => (await promisify(execFile)("nsenter", [...enter, ...command])).stdout,
    async [Symbol.asyncDispose]() {
      // The cable goes with the namespace.
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
