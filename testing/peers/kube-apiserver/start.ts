// A real kube-apiserver with its etcd, under certificates of core/pki. No controller runs beside them.
import { type ChildProcess, spawn } from "node:child_process";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "@capstan/core/client";
import { type Authority, openTokenSigner } from "@capstan/core/pki";
import { apiServerRequest } from "../../../apps/capstan/platform/certificates.ts";

export interface Programs {
  apiserver: string;
  etcd: string;
}

/** A server: its processes in the order of their start, and where it answers. */
export interface Running {
  processes: ChildProcess[];
  url: string;
}

/** What CAPSTAN_KUBE_APISERVER and CAPSTAN_ETCD name; build.sh makes them. */
export function findPrograms(): Programs | undefined {
  const { CAPSTAN_KUBE_APISERVER: apiserver, CAPSTAN_ETCD: etcd } = process.env;
  return apiserver && etcd ? { apiserver, etcd } : undefined;
}

/**
 * @param root directory for data and keys.
 * @param args further flags of kube-apiserver.
 */
export async function startKubernetes(
  programs: Programs,
  root: string,
  authority: Authority,
  port: number,
  args: string[] = [],
): Promise<Running> {
  const [clientPort, peerPort] = [await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${clientPort}`;
  const options = { stdio: "ignore" } as const;
  const peers = `http://127.0.0.1:${peerPort}`;
  const etcd = spawn(
    programs.etcd,
    [
      ["--data-dir", join(root, "etcd")],
      ["--listen-client-urls", etcdUrl, "--advertise-client-urls", etcdUrl],
      ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
      ["--initial-cluster", `default=${peers}`],
    ].flat(),
    options,
  );
  const files = await writeFiles(root, authority);
  const apiserver = spawn(
    programs.apiserver,
    [
      `--etcd-servers=${etcdUrl}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--authorization-mode=Node,RBAC",
      `--client-ca-file=${files.ca}`,
      `--tls-cert-file=${files.cert}`,
      `--tls-private-key-file=${files.key}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${files.accountPublic}`,
      `--service-account-signing-key-file=${files.account}`,
      // Its limits for one user would decide, not its speed.
      "--enable-priority-and-fairness=false",
      "--max-requests-inflight=0",
      "--max-mutating-requests-inflight=0",
      ...args,
    ],
    options,
  );
  return { processes: [etcd, apiserver], url: `https://127.0.0.1:${port}` };
}

/** Ends a server's processes, the last started first. */
export async function stop(running: Running | undefined): Promise<void> {
  for (const child of running?.processes.toReversed() ?? []) {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

export async function ready(client: Client): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < 1200; attempt++) {
    // Until it listens, and until it is ready, the answer is an error.
    const [answer] = await Promise.allSettled([client.request({ url: "/readyz" })]);
    if (answer.status === "fulfilled") return;
    last = answer.reason;
    await wait(25);
  }
  throw new Error("the server did not become ready within 30 s", { cause: last });
}

async function writeFiles(root: string, authority: Authority) {
  const pair = await authority.issue(apiServerRequest("10.96.0.1"));
  await openTokenSigner(join(root, "pki"));
  const account = join(root, "pki", "sa.key");
  const write = (name: string, text: string) => {
    writeFileSync(join(root, name), text, { mode: 0o600 });
    return join(root, name);
  };
  const accountPublic = createPublicKey(createPrivateKey(readFileSync(account)))
    .export({ type: "spki", format: "pem" })
    .toString();
  return {
    ca: write("ca.crt", authority.cert),
    cert: write("apiserver.crt", pair.cert),
    key: write("apiserver.key", pair.key),
    account,
    accountPublic: write("sa.pub", accountPublic),
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
