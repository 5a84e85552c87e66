// Several nodes: pods spread over agents in processes of their own, and reach one another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments, Nodes, Pods } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createClient, waitFor } from "@capstan/core/client";
import { createInformers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
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

test("a node whose agent is killed is lost: tainted, its pods evicted, and others take their place", {
  skip: root,
}, async () => {
  const args = ["--no-quickstart", "--nodes", "2", "--node-monitor-grace-period", "15"];
  await using instance = startInstance({ args });
  const { parts } = await instance.ready();
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const signal = AbortSignal.timeout(90_000);
  const further = parts.find(({ message }) => /^process \d+$/.test(message));
  assert.ok(further, "the further node is a part of the platform");
  const seconds = ["not-ready", "unreachable"].map((key) => {
    return { key: `node.kubernetes.io/${key}`, operator: "Exists", effect: "NoExecute", tolerationSeconds: 0 };
  });
  const labels = { app: "survivor" };
  const spread = { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" };
  const spec = {
    containers: [{ name: "main", image: "capstan/host", command: ["sleep", "600"] }],
    tolerations: seconds,
    topologySpreadConstraints: [{ ...spread, labelSelector: { matchLabels: labels } }],
    terminationGracePeriodSeconds: 0,
  };
  const ref = { namespace: "default", name: "survivor" };
  const template = { metadata: { labels }, spec };
  await client.create(Deployments, {
    metadata: ref,
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  });
  await waitFor(client, Deployments, ref, ({ status }) => status?.availableReplicas === 2, signal);
  const before = (await client.list(Pods, { namespace: "default" })).items;
  assert.deepEqual(new Set(before.map((pod) => pod.spec.nodeName)).size, 2);
  process.kill(Number(/\d+/.exec(further.message)?.[0]), "SIGKILL");
  const lost = await waitFor(
    client,
    Nodes,
    { name: further.name },
    ({ status }) => status?.conditions?.some(({ type, status: now }) => type === "Ready" && now === "Unknown") ?? false,
    signal,
  );
  assert.ok(lost);
  const informers = createInformers(client, { log: silent });
  const stop = new AbortController();
  const watching = informers.start(stop.signal);
  const pods = informers.informer(Pods);
  await new Promise<void>((resolve) => {
    pods.onChange(() => {
      const fit = pods.list("default").filter(({ metadata, spec: { nodeName }, status }) => {
        return !metadata.deletionTimestamp && nodeName !== further.name && status?.phase === "Running";
      });
      if (fit.length === 2) resolve();
    });
  });
  stop.abort();
  await watching;
  const node = await client.get(Nodes, { name: further.name });
  assert.ok(node.spec?.taints?.some(({ key, effect }) => key.endsWith("/unreachable") && effect === "NoExecute"));
  transport.close();
});
