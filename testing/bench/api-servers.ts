// API servers in processes of their own, as the benchmarks start and measure them.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceAccounts } from "@capstan/api/generated/resources";
import { createClient } from "@capstan/core/client";
import { type Authority, openAuthority } from "@capstan/core/pki";
import { createTransport } from "@capstan/core/wire";
import { adminRequest } from "../../apps/capstan/platform/certificates.ts";
import { freePort, type Running, ready, stop } from "../peers/kube-apiserver/start.ts";
import type { LoadTarget } from "./load.ts";

export type Start = (root: string, authority: Authority, port: number) => Promise<Running>;

/** A server that is ready, and what an administrator needs to reach it. */
export interface ApiServerProcess extends AsyncDisposable {
  target: LoadTarget;
  /** From its start to /readyz. */
  seconds: number;
  /** The process that answers. */
  pid: number;
  /** Resident memory of all its processes now. */
  megabytes(): number;
}

/** @param root its directory, which the caller removes; default one of its own, gone with the server. */
export async function startServer(start: Start, root?: string): Promise<ApiServerProcess> {
  const directory = root ?? mkdtempSync(join(tmpdir(), "bench-server-"));
  let running: Running | undefined;
  const end = async () => {
    await stop(running);
    if (!root) rmSync(directory, { recursive: true });
  };
  try {
    const authority = await openAuthority({ directory: join(directory, "pki") });
    const admin = { ca: authority.cert, ...(await authority.issue(adminRequest)) };
    const port = await freePort();
    const began = performance.now();
    running = await start(directory, authority, port);
    const { url, processes } = running;
    await using transport = createTransport({ server: url, ...admin });
    const client = createClient(transport.handler, { userAgent: "bench" });
    await ready(client);
    const seconds = (performance.now() - began) / 1000;
    const account = { namespace: "default", name: "default" };
    if (!(await client.find(ServiceAccounts, account))) await client.create(ServiceAccounts, { metadata: account });
    return {
      target: { url, ...admin },
      seconds,
      pid: processes.at(-1)?.pid ?? 0,
      megabytes: () => processes.reduce((sum, { pid }) => sum + residentOf(pid), 0),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** As apps/capstan starts it: with its flags, and with the modules that an earlier start compiled. */
export const startCapstan: Start = async (root, _authority, port) => {
  const server = new URL("./serve-apiserver.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--max-semi-space-size=8", server, root, String(port)], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") },
  });
  return { processes: [child], url: `https://127.0.0.1:${port}` };
};

function residentOf(pid = 0): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}
