// The API server with 100,000 pods: its start, its memory, and lists by a label.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pods } from "@capstan/api/generated/resources";
import { openStore } from "@capstan/core/store";
import { TestCluster } from "../cluster/index.ts";
import { measureLists, openLoad, spec } from "./api-load.ts";
import { startCapstan, startServer } from "./api-servers.ts";
import { type Figure, quantile } from "./report.ts";

const pods = 100_000;
const labels = 200;
const lists = 200;

export async function measureLarge(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "bench-large-"));
  try {
    await fill(join(root, "store"));
    await using server = await startServer(startCapstan, root);
    using load = await openLoad(server.target, 1);
    const samples = await measureLists(load, lists, (i) => `?labelSelector=app%3Dapp-${i % labels}&limit=500`);
    return [
      { name: `start → /readyz, ${pods} pods`, unit: "s", samples: [server.seconds], budget: 3 },
      { name: "LIST of 500 by a label, each label once", unit: "ms", samples },
      { name: "the same, p99", unit: "ms", samples: [quantile(samples, 0.99)], budget: 20 },
      { name: "RSS after that", unit: "MB", samples: [server.megabytes()], budget: 600 },
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
