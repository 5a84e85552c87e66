import assert from "node:assert/strict";
import { test } from "node:test";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, StatusError } from "@capstan/api/meta";
import { readText } from "@capstan/core/client";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createMetrics } from "./index.ts";
import { createMeter, usageBetween } from "./meter.ts";
import { readSummary, type Summary } from "./summary.ts";

const second = 1000;
const container = (name: string, time: number, cpu: number, started = 0) => ({
  name,
  time,
  cpu,
  memory: 4096,
  started,
});
const pod = (name: string, ...containers: ReturnType<typeof container>[]) => ({
  namespace: "default",
  name,
  uid: name,
  containers,
});

test("a rate is what was used between two samples; a new container counts from its start", () => {
  const before = { pods: [pod("a", container("c", second, 1e9), container("again", second, 5e9))] };
  const after: Summary = {
    pods: [
      pod("a", container("c", 3 * second, 2e9), container("again", 3 * second, 1e8, 2500)),
      pod("new", container("c", 3 * second, 1e9, 2 * second)),
    ],
  };
  const { pods, node } = usageBetween(before, after);
  assert.equal(node, undefined);
  const of = (name: string, part: string) => pods.get(`default/${name}`)?.get(part);
  assert.deepEqual(of("a", "c"), { time: 3000, window: 2000, cpu: 5e8, memory: 4096 });
  assert.deepEqual(of("a", "again"), { time: 3000, window: 500, cpu: 2e8, memory: 4096 });
  assert.deepEqual(of("new", "c"), { time: 3000, window: 1000, cpu: 1e9, memory: 4096 });
});

test("nodes are asked when somebody asks, once for all who ask at the same time", async () => {
  let [now, asked] = [0, 0];
  const read = async () => ({ node: { time: now, cpu: asked++ * 1e6, memory: 0 }, pods: [] });
  const advancing = async () => {
    now += 1000;
    return read();
  };
  const meter = createMeter({ read: advancing, window: 0, now: () => now });
  const { signal } = new AbortController();
  const ask = () => meter.measure("n", signal);
  const [first, same] = await Promise.all([ask(), ask()]);
  assert.deepEqual([asked, first.node?.window, same], [2, 1000, first]);
  assert.equal((await ask()).node?.time, 2000);
  now += 15_000;
  assert.equal((await ask()).node?.window, 16_000);
  assert.equal(asked, 3);
  now += 1e6;
  assert.equal((await ask()).node?.window, 1000);
  assert.equal(asked, 5);
  const stopped = AbortSignal.abort(new Error("gone"));
  await assert.rejects(meter.measure("other", stopped), /gone/);
});

test("an agent's answer without numbers is no reading", async () => {
  const time = "2026-01-01T00:00:00Z";
  const good = { cpu: { time, usageCoreNanoSeconds: 5 }, memory: { workingSetBytes: 7 } };
  const pods = [
    { podRef: { name: "p", namespace: "n", uid: "u" }, containers: [{ name: "a", ...good }, { name: "b" }] },
    { podRef: { name: 5 } },
  ];
  const body = JSON.stringify({ node: { cpu: {} }, pods });
  const summary = await readSummary({ status: 200, headers: {}, body });
  const reading = { name: "a", time: Date.parse(time), cpu: 5, memory: 7 };
  assert.deepEqual(summary, { pods: [{ name: "p", namespace: "n", uid: "u", containers: [reading] }] });
});

test("objects, lists, tables and selectors; a silent node is left out", async () => {
  const reading = (cores: number) => ({ time: Date.now(), cpu: Date.now() * cores * 1e6, memory: 2 ** 20 });
  const summary = async (node: string): Promise<Summary> => {
    if (node === "silent") throw new StatusError("ServiceUnavailable", "silent");
    return { node: reading(1), pods: [pod("a", { name: "c", ...reading(0.25), started: 0 })] };
  };
  await using cluster = await TestCluster.start({
    extensions: [createMetrics({ source: { summary }, window: 50 })],
    parts: (made) => ["paper", "silent"].map((name) => createPaperNode({ ...made, name })),
  });
  const { client } = cluster;
  const spec = { containers: [{ name: "c", image: "i" }] };
  for (const [name, nodeName] of [
    ["a", "paper"],
    ["b", "silent"],
  ] as const) {
    const metadata = { namespace: "default", name, labels: { app: name } };
    await client.create(Pods, { metadata, spec: { ...spec, nodeName } });
    await cluster.until(Pods, { namespace: "default", name }, (found) => found?.status?.phase === "Running");
  }
  const read = async (path: string, accept = "application/json") => {
    const url = `/apis/metrics.k8s.io/v1beta1/${path}`;
    return JSON.parse(await readText(await client.request({ url, headers: { accept } })));
  };
  const nodes = await read("nodes");
  assert.equal(nodes.kind, "NodeMetricsList");
  assert.deepEqual(
    nodes.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ["paper"],
  );
  assert.equal(nodes.items[0].usage.memory, "1024Ki");
  const one = await read("namespaces/default/pods/a");
  assert.deepEqual([one.kind, one.metadata.labels, one.containers[0].name], ["PodMetrics", { app: "a" }, "c"]);
  assert.match(one.containers[0].usage.cpu, /^2[45]\d{7}n$/);
  assert.match(one.window, /^[\d.]+s$/);
  assert.equal((await read("pods?labelSelector=app%3Da")).items.length, 1);
  assert.equal((await read("namespaces/default/pods?labelSelector=app%3Db")).items.length, 0);
  const table = await read("pods", "application/json;as=Table;g=meta.k8s.io;v=v1");
  assert.deepEqual(table.rows[0].cells.slice(0, 1), ["a"]);
  const fails = (path: string, reason: "NotFound" | "ServiceUnavailable" | "MethodNotAllowed") =>
    assert.rejects(read(path), (thrown) => isReason(thrown, reason));
  await fails("namespaces/default/pods/none", "NotFound");
  await fails("nodes/none", "NotFound");
  await fails("nodes/silent", "ServiceUnavailable");
  await fails("pods?watch=1", "MethodNotAllowed");
  await fails("namespaces/default/nodes", "NotFound");
});
