// Tenants and admission: a thousand Domains, and reviews of pods against an image policy.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ConfigMaps,
  MutatingWebhookConfigurations,
  Namespaces,
  ResourceQuotas,
  Roles,
} from "@capstan/api/generated/resources";
import { Domains } from "@capstan/api/kinds/domain";
import { ImagePolicies } from "@capstan/api/kinds/image-policy";
import { silent } from "@capstan/base/log";
import { type Client, createClient, waitFor } from "@capstan/core/client";
import { openAuthority } from "@capstan/core/pki";
import { createInformers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
import { startInstance } from "../platform/instance.ts";
import { type Figure, quantile } from "./report.ts";

const domains = 1000;
const settleSeconds = 30;
const idleSeconds = 10;
const reviews = 5000;

export async function measureTenants(): Promise<Figure[]> {
  await using instance = startInstance();
  const { pid } = await instance.ready();
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  try {
    const [byHand, reconciled] = [await makeByHand(client), await reconcile(client)];
    // What the namespaces bring with them is still being made.
    await new Promise((resolve) => setTimeout(resolve, settleSeconds * 1000));
    const before = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
    const idle = ((cpuSeconds(pid) - before) / idleSeconds) * 100;
    const peer = { name: "the same objects made by a client", value: byHand };
    return [
      { name: `${domains} Domains reconciled`, unit: "s", samples: [reconciled], budget: 10, peer },
      { name: `idle with ${domains} Domains, the whole platform`, unit: "% of a core", samples: [idle] },
      ...(await measureReviews(client)),
    ];
  } finally {
    transport.close();
  }
}

const quota = { hard: { pods: "100" } };

/** What the operator makes of a Domain, without one. */
async function makeByHand(client: Client): Promise<number> {
  const started = performance.now();
  await inParallel(domains, async (index) => {
    const name = `by-hand-${index}`;
    const metadata = (object: string) => ({ namespace: name, name: object });
    await client.create(Namespaces, { metadata: { name }, spec: {} });
    await client.create(ResourceQuotas, { metadata: metadata("resource-limitation"), spec: quota });
    await client.create(ConfigMaps, { metadata: metadata("domain-config"), data: {} });
    await client.create(Roles, { metadata: metadata(name), rules: [] });
  });
  return (performance.now() - started) / 1000;
}

/** From the first Domain's creation until all have namespace, quota, settings, role, and a token in their status. */
async function reconcile(client: Client): Promise<number> {
  const informers = createInformers(client, { log: silent });
  const stop = new AbortController();
  const running = informers.start(stop.signal);
  const seen = informers.informer(Domains);
  await seen.synced();
  const all = new Promise<void>((resolve) => {
    let done = 0;
    seen.onChange(({ object, old }) => {
      const isDone = (domain: typeof object | undefined) => (domain?.status?.deployTokenStatuses?.length ?? 0) > 0;
      if (isDone(object) && !isDone(old) && ++done === domains) resolve();
    });
  });
  const started = performance.now();
  await inParallel(domains, (index) =>
    client.create(Domains, { metadata: { name: `tenant-${index}` }, spec: { resourceQuota: { podMaxCount: 100 } } }),
  );
  await all;
  const seconds = (performance.now() - started) / 1000;
  stop.abort();
  await running;
  return seconds;
}

async function measureReviews(client: Client): Promise<Figure[]> {
  const spec = { rewrites: [{ from: "docker.io", to: "mirror.example.com/docker" }], deny: ["**:latest"] };
  await client.create(ImagePolicies, { metadata: { name: "bench" }, spec });
  const ref = { name: "capstan-image-policies" };
  const config = await waitFor(client, MutatingWebhookConfigurations, ref, () => true, AbortSignal.timeout(30_000));
  const { url = "", caBundle = "" } = config.webhooks?.[0]?.clientConfig ?? {};
  const containers = [1, 2, 3].map((index) => ({ name: `c${index}`, image: `team/app${index}:1` }));
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default" }, spec: { containers } };
  const body = JSON.stringify({
    kind: "AdmissionReview",
    apiVersion: "admission.k8s.io/v1",
    request: {
      uid: "u",
      kind: { group: "", version: "v1", kind: "Pod" },
      namespace: "default",
      operation: "CREATE",
      object,
    },
  });
  const ca = Buffer.from(caBundle, "base64");
  const alone = await sendAll(url, ca, body, 1, reviews / 5);
  const many = await sendAll(url, ca, body, 32, reviews);
  const floor = await bareServer(body);
  return [
    {
      name: "one review of a pod with three containers",
      unit: "ms",
      samples: alone.samples,
      budget: 2,
      peer: { name: "a bare HTTPS server of Node", value: floor },
    },
    {
      name: "a review with 32 clients (2,000 a second are 0.5)",
      unit: "ms of wall time",
      samples: [many.each],
      budget: 0.5,
    },
  ];
}

interface Sent {
  /** Milliseconds of each. */
  samples: number[];
  /** Milliseconds of the whole, by the number of them. */
  each: number;
}

async function sendAll(url: string, ca: Buffer, body: string, clients: number, count: number): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients, ca });
  const samples: number[] = [];
  const send = () =>
    new Promise<void>((resolve, reject) => {
      const started = performance.now();
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request(url, { method: "POST", agent, headers }, (response) => {
        response.resume();
        response.on("end", () => {
          samples.push(performance.now() - started);
          if (response.statusCode === 200) resolve();
          else reject(new Error(`a review was answered with ${response.statusCode}`));
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  for (let warm = 0; warm < clients * 5; warm++) await send();
  samples.length = 0;
  const started = performance.now();
  await inParallel(count, send, clients);
  const each = (performance.now() - started) / count;
  agent.destroy();
  return { samples, each };
}

/** Median of a server that reads the body and answers `{}`. */
async function bareServer(body: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const authority = await openAuthority({ directory });
  const pair = await authority.issue({ commonName: "bare", hosts: ["127.0.0.1"], usages: ["server"] });
  const server = createServer(pair, (incoming, response) => {
    incoming.resume();
    incoming.on("end", () => response.end("{}"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { samples } = await sendAll(url, Buffer.from(authority.cert), body, 1, reviews / 5);
  server.close();
  rmSync(directory, { recursive: true });
  return quantile(samples, 0.5);
}

async function inParallel(count: number, work: (index: number) => Promise<unknown>, workers = 64): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/** Of all threads so far, in hundredths as the kernel counts. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
