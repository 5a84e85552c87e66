// Several nodes: pods spread over agents in processes of their own, and reach one another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { waitFor } from "../../apps/capstan/wait-for.ts";
import { startInstance } from "./instance.ts";

const root = process.getuid?.() === 0 ? false : "pods of several nodes on one machine need root";

test("each node runs its pods, with addresses of its own", { skip: root }, async () => {
  await using instance = startInstance({ args: ["--no-quickstart", "--nodes", "3"] });
  await instance.ready();
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const nodes = (await client.list(Nodes)).items.map(({ metadata }) => metadata.name);
  assert.equal(nodes.length, 3);
  const addresses = await Promise.all(
    nodes.map(async (nodeName) => {
      const ref = { namespace: "default", name: `on-${nodeName}` };
      const containers = [{ name: "main", image: "capstan/host", command: ["sleep", "600"] }];
      await client.create(Pods, { metadata: ref, spec: { nodeName, containers, terminationGracePeriodSeconds: 0 } });
      const running = ({ status }: { status?: { phase?: string } }) => status?.phase === "Running";
      const pod = await waitFor(client, Pods, ref, running, AbortSignal.timeout(60_000));
      return pod.status?.podIP;
    }),
  );
  assert.equal(new Set(addresses).size, 3);
  transport.close();
});
