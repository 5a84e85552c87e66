// The API server alone: writes, reads, lists and watches, on LMDB, in process and over a socket.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pods } from "@capstan/api/generated/resources";
import { type Client, createClient } from "@capstan/core/client";
import { openStore } from "@capstan/core/store";
import { createTransport } from "@capstan/core/wire";
import { TestCluster } from "../cluster/index.ts";
import type { Figure } from "./report.ts";

const objects = 2000;
const clients = 64;
const watchers = 200;

const spec = {
  containers: [
    {
      name: "main",
      image: "registry.example.com/team/app:1.2.3",
      ports: [{ containerPort: 8080 }],
      env: Array.from({ length: 20 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value-${i}` })),
      resources: { limits: { cpu: "1", memory: "64Mi" } },
      volumeMounts: [{ name: "data", mountPath: "/data" }],
    },
  ],
  volumes: [{ name: "data", emptyDir: {} }],
};

export async function measureApiServer(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-api-"));
  try {
    await using cluster = await TestCluster.start({ store: openStore(join(directory, "store")) });
    const { url } = await cluster.listen();
    await using transport = createTransport({ server: url });
    const remote = createClient(transport.handler);
    return [
      await rate("creates, in process, LMDB, 64 callers", (i) => create(cluster.client, `in-${i}`)),
      await rate("creates, HTTP, LMDB, 64 callers", (i) => create(remote, `out-${i}`)),
      await rate("status patches, in process", (i) => patchStatus(cluster.client, `in-${i}`)),
      await rate("GET, in process", (i) => cluster.client.get(Pods, { namespace: "default", name: `in-${i}` })),
      await rate("GET, HTTP", (i) => remote.get(Pods, { namespace: "default", name: `in-${i}` })),
      await measureLists(cluster),
      await measureWatchers(cluster),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const create = (client: Client, name: string) =>
  client.create(Pods, { metadata: { namespace: "default", name, labels: { app: "bench" } }, spec });

const patchStatus = (client: Client, name: string) =>
  client.patch(
    Pods,
    { namespace: "default", name },
    { type: "merge", body: { status: { phase: "Running" } } },
    { subresource: "status" },
  );

async function rate(name: string, run: (i: number) => Promise<unknown>): Promise<Figure> {
  const started = performance.now();
  let next = 0;
  const caller = async () => {
    for (let i = next++; i < objects; i = next++) await run(i);
  };
  await Promise.all(Array.from({ length: clients }, caller));
  return { name, unit: "/s", samples: [(objects / (performance.now() - started)) * 1000] };
}

async function measureLists(cluster: TestCluster): Promise<Figure> {
  const samples: number[] = [];
  for (let i = 0; i < 10; i++) {
    const started = performance.now();
    await cluster.client.request({ url: "/api/v1/pods" });
    samples.push(performance.now() - started);
  }
  return { name: `LIST of ${2 * objects} pods, in process`, unit: "ms", samples };
}

/** Milliseconds from a write to its event at the last of many watchers. */
async function measureWatchers(cluster: TestCluster): Promise<Figure> {
  const { signal } = cluster;
  const url = `/api/v1/pods?watch=true&resourceVersion=${cluster.store.revision}`;
  const streams = await Promise.all(
    Array.from({ length: watchers }, async () => {
      const { body } = await cluster.client.request({ url, signal });
      return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    }),
  );
  const samples: number[] = [];
  for (let i = 0; i < 30; i++) {
    const all = streams.map((stream) => stream.next());
    const started = performance.now();
    await cluster.client.patch(
      Pods,
      { namespace: "default", name: "in-0" },
      { type: "merge", body: { metadata: { labels: { i: String(i) } } } },
    );
    await Promise.all(all);
    samples.push(performance.now() - started);
  }
  return { name: `write → event at all of ${watchers} watchers`, unit: "ms", samples };
}
