// The contract of the API on a real kube-apiserver: contract.ts [FILE…] starts one for the suite and stops it;
// contract.ts serve DIR keeps one, with its kubeconfig at DIR/kubeconfig, until it is told to stop.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@capstan/core/client";
import { openAuthority } from "@capstan/core/pki";
import { createTransport, writeKubeconfig } from "@capstan/core/wire";
import { adminRequest } from "../../apps/capstan/platform/certificates.ts";
import {
  findPrograms,
  freePort,
  type Programs,
  type Running,
  ready,
  startKubernetes,
  stop,
} from "./kube-apiserver/start.ts";

const suite = join(import.meta.dirname, "../conformance/api/*.test.ts");

/** As the platform composes its admission. */
const flags = [
  "--enable-admission-plugins=NodeRestriction,ExtendedResourceToleration,OwnerReferencesPermissionEnforcement",
  "--allow-privileged=true",
];

export interface Peer {
  kubeconfig: string;
  running: Running;
}

/** @param more further flags of kube-apiserver. */
export async function startPeer(programs: Programs, root: string, more: string[] = []): Promise<Peer> {
  const authority = await openAuthority({ directory: join(root, "pki") });
  const admin = await authority.issue(adminRequest);
  const running = await startKubernetes(programs, root, authority, await freePort(), [...flags, ...more]);
  try {
    await using transport = createTransport({ server: running.url, ca: authority.cert, ...admin });
    await ready(createClient(transport.handler, { userAgent: "contract" }));
    const kubeconfig = join(root, "kubeconfig");
    await writeKubeconfig(kubeconfig, {
      name: "peer",
      server: running.url,
      ca: authority.cert,
      user: { name: "admin", ...admin },
    });
    return { kubeconfig, running };
  } catch (thrown) {
    await stop(running);
    throw thrown;
  }
}

/** Runs the whole suite, or the given files, on a kube-apiserver of their own. Resolves with the exit code. */
export async function runContract(programs: Programs, files: string[] = globSync(suite).sort()): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), "contract-"));
  try {
    const peer = await startPeer(programs, root);
    try {
      const env = { ...process.env, CAPSTAN_TEST_KUBECONFIG: peer.kubeconfig };
      const child = spawn(process.execPath, ["--test", ...files], { env, stdio: "inherit" });
      const [code] = (await once(child, "close")) as [number | null];
      return code ?? 1;
    } finally {
      await stop(peer.running);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function serveUntilStopped(programs: Programs, root: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  const peer = await startPeer(programs, root);
  console.log(`export CAPSTAN_TEST_KUBECONFIG=${peer.kubeconfig}`);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  await stopped;
  await stop(peer.running);
}

if (import.meta.main) {
  const programs = findPrograms();
  if (!programs) throw new Error("CAPSTAN_KUBE_APISERVER and CAPSTAN_ETCD name no programs: build.sh makes them");
  const [command, ...rest] = process.argv.slice(2);
  if (command === "serve" && rest[0]) await serveUntilStopped(programs, rest[0]);
  else process.exitCode = await runContract(programs, rest.length > 0 ? rest : undefined);
}
