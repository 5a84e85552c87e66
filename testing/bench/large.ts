// The API server with 100,000 pods: its start, its memory, and lists by a label.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pods } from "@capstan/api/generated/resources";
import { createClient, readText } from "@capstan/core/client";
import { openAuthority } from "@capstan/core/pki";
import { openStore } from "@capstan/core/store";
import { createTransport } from "@capstan/core/wire";
import { adminRequest } from "../../apps/capstan/platform/certificates.ts";
import { TestCluster } from "../cluster/index.ts";
import { freePort, ready } from "../peers/kube-apiserver/start.ts";
import { residentOf, startCapstan } from "./peer.ts";
import { type Figure, quantile } from "./report.ts";

const pods = 100_000;
const labels = 200;
const lists = 200;

const env = Array.from({ length: 20 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value-${i}` }));
const spec = { containers: [{ name: "main", image: "registry.example.com/team/app:1.2.3", env }] };

export async function measureLarge(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "bench-large-"));
  try {
    await fill(join(root, "store"));
    const authority = await openAuthority({ directory: join(root, "pki") });
    const admin = await authority.issue(adminRequest);
    const port = await freePort();
    const began = performance.now();
    const { url, processes } = await startCapstan(root, authority, port);
    await using transport = createTransport({ server: url, ca: authority.cert, ...admin });
    const client = createClient(transport.handler, { userAgent: "bench" });
    await ready(client);
    const seconds = (performance.now() - began) / 1000;
    const samples: number[] = [];
    for (let i = 0; i < lists; i++) {
      const from = performance.now();
      const query = `labelSelector=app%3Dapp-${i % labels}&limit=500`;
      await readText(await client.request({ url: `/api/v1/namespaces/default/pods?${query}` }));
      samples.push(performance.now() - from);
    }
    const megabytes = processes.reduce((sum, { pid }) => sum + residentOf(pid), 0);
    for (const child of processes) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    return [
      { name: `start → /readyz, ${pods} pods`, unit: "s", samples: [seconds], budget: 3 },
      { name: "LIST of 500 by a label, each label once", unit: "ms", samples },
      { name: "the same, p99", unit: "ms", samples: [quantile(samples, 0.99)], budget: 20 },
      { name: "RSS after that", unit: "MB", samples: [megabytes], budget: 600 },
    ];
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function fill(directory: string): Promise<void> {
  await using cluster = await TestCluster.start({ store: openStore(directory) });
  let next = 0;
  const caller = async () => {
    for (let i = next++; i < pods; i = next++) {
      const metadata = { namespace: "default", name: `p-${i}`, labels: { app: `app-${i % labels}`, tier: "web" } };
      await cluster.client.create(Pods, { metadata, spec });
    }
  };
  await Promise.all(Array.from({ length: 256 }, caller));
}
