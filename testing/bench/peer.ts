// The API server against kube-apiserver with etcd: the same requests over TLS, one server after the other, in one run.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Pods, ServiceAccounts } from "@capstan/api/generated/resources";
import { type Client, createClient, readText } from "@capstan/core/client";
import { type Authority, openAuthority } from "@capstan/core/pki";
import { createTransport } from "@capstan/core/wire";
import { adminRequest } from "../../apps/capstan/platform/certificates.ts";
import { findPrograms, freePort, type Running, ready, startKubernetes, stop } from "../peers/kube-apiserver/start.ts";
import { type Figure, quantile } from "./report.ts";

const pods = 5000;
const clients = 64;
const watchers = 200;
const writes = 50;
const idleSeconds = 5;

const spec = {
  containers: [
    {
      name: "main",
      image: "registry.example.com/team/app:1.2.3",
      env: Array.from({ length: 20 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value-${i}` })),
    },
  ],
};

type Start = (root: string, authority: Authority, port: number) => Promise<Running>;

interface Measured {
  start: number;
  megabytes: number;
  creates: number;
  gets: number;
  list: number;
  watch: number;
}

/** Empty, with a message, when the peer's programs are not given. */
export async function measurePeer(): Promise<Figure[]> {
  const programs = findPrograms();
  if (!programs) {
    console.log("peer: skipped: CAPSTAN_KUBE_APISERVER and CAPSTAN_ETCD name no programs; build.sh makes them");
    return [];
  }
  const peer = await measure((root, authority, port) => startKubernetes(programs, root, authority, port));
  const ours = await measure(startCapstan);
  const figure = (name: string, unit: string, key: keyof Measured): Figure => ({
    name,
    unit,
    samples: [ours[key]],
    peer: { name: "kube-apiserver and etcd", value: peer[key] },
  });
  return [
    figure("start → /readyz", "s", "start"),
    figure(`RSS after ${idleSeconds} s idle, empty`, "MB", "megabytes"),
    figure(`creates, ${clients} clients`, "/s", "creates"),
    figure(`GET, ${clients} clients`, "/s", "gets"),
    figure(`LIST of ${pods} pods`, "ms", "list"),
    figure(`write → event at all of ${watchers} watchers, p99`, "ms", "watch"),
  ];
}

async function measure(start: Start): Promise<Measured> {
  const root = mkdtempSync(join(tmpdir(), "bench-peer-"));
  let running: Running | undefined;
  try {
    const authority = await openAuthority({ directory: join(root, "pki") });
    const admin = await authority.issue(adminRequest);
    const port = await freePort();
    const began = performance.now();
    running = await start(root, authority, port);
    await using transport = createTransport({ server: running.url, ca: authority.cert, ...admin });
    const client = createClient(transport.handler, { userAgent: "bench" });
    await ready(client);
    const seconds = (performance.now() - began) / 1000;
    await wait(idleSeconds * 1000);
    const megabytes = running.processes.reduce((sum, { pid }) => sum + residentOf(pid), 0);
    return { start: seconds, megabytes, ...(await measureRequests(client)) };
  } finally {
    await stop(running);
    rmSync(root, { recursive: true });
  }
}

async function measureRequests(client: Client): Promise<Omit<Measured, "start" | "megabytes">> {
  const account = { namespace: "default", name: "default" };
  if (!(await client.find(ServiceAccounts, account))) await client.create(ServiceAccounts, { metadata: account });
  const metadata = (i: number) => ({ namespace: "default", name: `p-${i}`, labels: { app: "bench" } });
  const creates = await rate((i) => client.create(Pods, { metadata: metadata(i), spec }));
  const gets = await rate((i) => read(client, `/api/v1/namespaces/default/pods/p-${i}`));
  const lists: number[] = [];
  for (let i = 0; i < 10; i++) {
    const began = performance.now();
    await read(client, "/api/v1/namespaces/default/pods");
    lists.push(performance.now() - began);
  }
  return { creates, gets, list: quantile(lists, 0.5), watch: quantile(await fanOut(client), 0.99) };
}

const read = async (client: Client, url: string) => readText(await client.request({ url }));

async function rate(run: (i: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let next = 0;
  const caller = async () => {
    for (let i = next++; i < pods; i = next++) await run(i);
  };
  await Promise.all(Array.from({ length: clients }, caller));
  return (pods / (performance.now() - began)) * 1000;
}

/** Milliseconds from a write to its event at the last of the watchers. */
async function fanOut(client: Client): Promise<number[]> {
  const stop = new AbortController();
  const { resourceVersion } = await client.list(Pods, { namespace: "default", limit: 1 });
  const url = `/api/v1/namespaces/default/pods?watch=true&resourceVersion=${resourceVersion}`;
  const streams = await Promise.all(
    Array.from({ length: watchers }, async () => {
      const { body } = await client.request({ url, signal: stop.signal });
      return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    }),
  );
  const samples: number[] = [];
  for (let i = 0; i < writes; i++) {
    const all = streams.map(untilLine);
    const began = performance.now();
    const body = { metadata: { labels: { i: String(i) } } };
    await client.patch(Pods, { namespace: "default", name: "p-0" }, { type: "merge", body });
    await Promise.all(all);
    samples.push(performance.now() - began);
  }
  stop.abort();
  await Promise.allSettled(streams.map((stream) => stream.return?.()));
  return samples;
}

async function untilLine(stream: AsyncIterator<Uint8Array>): Promise<void> {
  for (;;) {
    const { value, done } = await stream.next();
    if (done || value.at(-1) === 10) return;
  }
}

export const startCapstan: Start = async (root, _authority, port) => {
  const server = new URL("./serve-apiserver.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--max-semi-space-size=8", server, root, String(port)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { processes: [child], url: `https://127.0.0.1:${port}` };
};

export function residentOf(pid = 0): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}
