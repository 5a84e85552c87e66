import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, CustomResourceDefinitions, Events, Pods } from "@capstan/api/generated/resources";
import {
  type Workflow,
  type WorkflowSpec,
  Workflows,
  WorkflowTaskResults,
  WorkflowTemplates,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet, type KubeletEnd } from "@capstan/testing/workflow";
import { createWorkflowController, type WorkflowChecker } from "./index.ts";

async function start(endOf: (node: string) => KubeletEnd = () => ({}), checkers: WorkflowChecker[] = []) {
  return TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      return [createWorkflowController({ client, informers, log, checkers }), createFakeKubelet(cluster, endOf)];
    },
  });
}

const container = { image: "busybox", command: ["true"] };
const workflow = (spec: WorkflowSpec, name = "wf"): New<Workflow> => ({
  metadata: { name, namespace: "default" },
  spec,
});
const ref = (name = "wf") => ({ namespace: "default", name });
const over = (object: Workflow | undefined) => object?.status?.finishedAt != null;

async function run(cluster: TestCluster, spec: WorkflowSpec): Promise<Workflow> {
  await cluster.client.create(Workflows, workflow(spec));
  return (await cluster.until(Workflows, ref(), over)) as Workflow;
}

const chain: WorkflowSpec = {
  entrypoint: "main",
  templates: [
    {
      name: "main",
      steps: [
        [{ name: "a", template: "say" }],
        [
          {
            name: "b",
            template: "hear",
            arguments: { parameters: [{ name: "x", value: "{{steps.a.outputs.result}}" }] },
          },
        ],
      ],
    },
    { name: "say", container },
    {
      name: "hear",
      inputs: { parameters: [{ name: "x" }] },
      container: { ...container, args: ["{{inputs.parameters.x}}"] },
    },
  ],
};

test("steps follow each other and their outputs arrive", async () => {
  await using cluster = await start((node) => (node.endsWith(".a") ? { outputs: { result: "hello" } } : {}));
  const done = await run(cluster, chain);
  assert.equal(done.status?.phase, "Succeeded", done.status?.message);
  assert.equal(done.metadata.labels?.["workflows.argoproj.io/completed"], "true");
  assert.equal(done.status?.progress, "2/2");
  const pods = (await cluster.client.list(Pods, { namespace: "default" })).items;
  assert.deepEqual(pods.map((pod) => pod.metadata.name).sort(), ["wf-hear-2760215211", "wf-say-3986212215"].sort());
  const hear = pods.find((pod) => pod.metadata.name.startsWith("wf-hear"));
  assert.deepEqual(hear?.spec.containers.find(({ name }) => name === "main")?.args, ["hello"]);
  await cluster.until(
    WorkflowTaskResults,
    ref(Object.values(done.status?.nodes ?? {}).find((n) => n.displayName === "a")?.id),
    (o) => !o,
  );
});

test("a workflow that is wrong ends at once, and names what is wrong", async () => {
  await using cluster = await start();
  const unknown = { foo: 1 };
  const bad = {
    entrypoint: "main",
    templates: [{ name: "main", container: { ...container, ...unknown } }],
  } as WorkflowSpec;
  const done = await run(cluster, bad);
  assert.equal(done.status?.phase, "Error");
  assert.match(done.status?.message ?? "", /^spec\.templates\[0\]\.container\.foo: unknown field/);
  assert.equal((await cluster.client.list(Pods, { namespace: "default" })).items.length, 0);
});

test("a checker's problems end a workflow before anything runs", async () => {
  await using cluster = await start(undefined, [
    (_, templates) => [...templates.keys()].map((key) => ({ path: key, message: "is not wanted" })),
  ]);
  const done = await run(cluster, { entrypoint: "main", templates: [{ name: "main", container }] });
  assert.equal(done.status?.message, "local/wf/main: is not wanted");
});

test("a WorkflowTemplate is run, and edits of it do not change the run", async () => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await using cluster = await start((node) => (node.endsWith(".a") ? { until: gate } : {}));
  await cluster.client.create(WorkflowTemplates, { metadata: { name: "t", namespace: "default" }, spec: chain });
  await cluster.client.create(Workflows, workflow({ workflowTemplateRef: { name: "t" } }));
  await cluster.until(Workflows, ref(), (o) =>
    Object.values(o?.status?.nodes ?? {}).some((n) => n.phase === "Running" && n.type === "Pod"),
  );
  await cluster.client.delete(WorkflowTemplates, ref("t"));
  release();
  const done = await cluster.until(Workflows, ref(), over);
  assert.equal(done?.status?.phase, "Succeeded", done?.status?.message);
  assert.equal(done?.status?.storedWorkflowTemplateSpec?.entrypoint, "main");
});

test("stopping fails what runs and still runs the exit handler", async () => {
  const never = new Promise<void>(() => {});
  await using cluster = await start((node) => (node.includes("onExit") ? {} : { until: never }));
  const spec: WorkflowSpec = { ...chain, onExit: "say" };
  await cluster.client.create(Workflows, workflow(spec));
  await cluster.until(Workflows, ref(), (o) =>
    Object.values(o?.status?.nodes ?? {}).some((n) => n.phase === "Running" && n.type === "Pod"),
  );
  await cluster.client.patch(Workflows, ref(), { type: "merge", body: { spec: { shutdown: "Stop" } } });
  const done = await cluster.until(Workflows, ref(), over);
  assert.equal(done?.status?.phase, "Failed");
  assert.equal(done?.status?.message, "Stopped with strategy 'Stop'");
  assert.equal(
    done?.status?.nodes?.[
      Object.keys(done.status.nodes).find((id) => done.status?.nodes?.[id]?.name === "wf.onExit") ?? ""
    ]?.phase,
    "Succeeded",
  );
});

test("suspend holds new pods until resumed", async () => {
  await using cluster = await start();
  await cluster.client.create(Workflows, workflow({ ...chain, suspend: true }));
  const held = await cluster.until(Workflows, ref(), (o) => o?.status?.phase === "Running");
  assert.equal(Object.keys(held?.status?.nodes ?? {}).length, 0);
  await cluster.client.patch(Workflows, ref(), { type: "merge", body: { spec: { suspend: null } } });
  const done = await cluster.until(Workflows, ref(), over);
  assert.equal(done?.status?.phase, "Succeeded");
});

test("a mutex lets one workflow run after the other", async () => {
  let running = 0;
  let most = 0;
  await using cluster = await start(() => {
    running++;
    most = Math.max(most, running);
    return { until: new Promise<void>((resolve) => setImmediate(() => resolve())).then(() => void running--) };
  });
  const spec: WorkflowSpec = {
    entrypoint: "main",
    synchronization: { mutexes: [{ name: "m" }] },
    templates: [{ name: "main", container }],
  };
  const names = ["a", "b", "c"];
  for (const name of names) await cluster.client.create(Workflows, workflow(spec, name));
  for (const name of names) assert.equal((await cluster.until(Workflows, ref(name), over))?.status?.phase, "Succeeded");
  assert.equal(most, 1);
});

test("outputs are remembered and used again", async () => {
  let runs = 0;
  await using cluster = await start(() => {
    runs++;
    return { outputs: { parameters: [{ name: "o", value: "v" }] } };
  });
  const spec: WorkflowSpec = {
    entrypoint: "main",
    templates: [{ name: "main", container, memoize: { key: "k", cache: { configMap: { name: "cache", key: "k" } } } }],
  };
  await cluster.client.create(Workflows, workflow(spec, "one"));
  await cluster.until(Workflows, ref("one"), over);
  await cluster.until(ConfigMaps, ref("cache"), (o) => o?.data?.k !== undefined);
  await cluster.client.create(Workflows, workflow(spec, "two"));
  const two = await cluster.until(Workflows, ref("two"), over);
  assert.equal(two?.status?.nodes?.two?.memoizationStatus?.hit, true);
  assert.deepEqual(two?.status?.nodes?.two?.outputs?.parameters, [{ name: "o", value: "v" }]);
  assert.equal(runs, 1);
});

test("a workflow is deleted after its time to live, and its pods as podGC says", async () => {
  await using cluster = await start();
  await cluster.client.create(
    Workflows,
    workflow({ ...chain, podGC: { strategy: "OnPodCompletion" }, ttlStrategy: { secondsAfterCompletion: 0 } }),
  );
  await cluster.until(Workflows, ref(), (o) => o === undefined);
  assert.equal((await cluster.client.list(Pods, { namespace: "default" })).items.length, 0);
});

test("another operator takes a running workflow over", async () => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const started: string[] = [];
  await using cluster = await TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      return createFakeKubelet(cluster, (node) => {
        started.push(node);
        return node.endsWith(".a") ? { until: gate } : {};
      });
    },
  });
  const { client, informers, log } = cluster;
  const first = new AbortController();
  const ended = createWorkflowController({ client, informers, log }).start(first.signal);
  await client.create(Workflows, workflow(chain));
  await cluster.until(Workflows, ref(), (o) =>
    Object.values(o?.status?.nodes ?? {}).some((n) => n.phase === "Running" && n.type === "Pod"),
  );
  first.abort();
  await ended;
  release();
  cluster.run(createWorkflowController({ client, informers, log }));
  const done = await cluster.until(Workflows, ref(), over);
  assert.equal(done?.status?.phase, "Succeeded");
  assert.deepEqual(started, ["wf[0].a", "wf[1].b"]);
});

test("a mutex is still held after a restart of the operator", async () => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const started: string[] = [];
  await using cluster = await TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      return createFakeKubelet(cluster, (node) => {
        started.push(node);
        return node === "a" ? { until: gate } : {};
      });
    },
  });
  const { client, log } = cluster;
  const spec: WorkflowSpec = {
    entrypoint: "main",
    templates: [{ name: "main", container, synchronization: { mutexes: [{ name: "m" }] } }],
  };
  const first = new AbortController();
  const ended = createWorkflowController({ client, informers: cluster.informers, log }).start(first.signal);
  await client.create(Workflows, workflow(spec, "a"));
  await cluster.until(Workflows, ref("a"), (o) => o?.status?.nodes?.a?.phase === "Running");
  first.abort();
  await ended;
  await client.create(Workflows, workflow(spec, "b"));
  cluster.run(createWorkflowController({ client, informers: cluster.informers, log }));
  const waiting = await cluster.until(Workflows, ref("b"), (o) => o?.status?.nodes?.b !== undefined);
  assert.equal(waiting?.status?.nodes?.b?.synchronizationStatus?.waiting, "default/Mutex/m");
  release();
  for (const name of ["a", "b"])
    assert.equal((await cluster.until(Workflows, ref(name), over))?.status?.phase, "Succeeded");
  assert.deepEqual(started, ["a", "b"]);
});

test("times are estimated by the newest run of the same origin, and phases are told by events", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const labels = { "workflows.argoproj.io/workflow-template": "t" };
  const times = { startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:04:45Z" };
  const node = { id: "old", name: "old", displayName: "old", type: "Pod" as const, phase: "Succeeded" as const };
  const status = { phase: "Succeeded" as const, ...times, nodes: { old: { ...node, ...times } } };
  const spec = { entrypoint: "t", templates: [{ name: "t", container }] };
  await client.create(Workflows, { metadata: { namespace: "default", name: "old", labels }, spec, status } as never);
  await cluster.until(Workflows, ref("old"), (one) => one !== undefined);
  await client.create(Workflows, { metadata: { namespace: "default", name: "wf", labels }, spec });
  const done = await cluster.until(Workflows, ref(), over);
  assert.equal(done?.status?.estimatedDuration, 40);
  assert.equal(done?.status?.nodes?.wf?.estimatedDuration, 40);
  const seen = new Set<string>();
  for await (const event of client.watch(Events, { namespace: "default", signal: cluster.signal })) {
    if (event.type === "BOOKMARK" || event.object.involvedObject.name !== "wf") continue;
    seen.add(event.object.reason ?? "");
    if (seen.size === 4) break;
  }
  const reasons = ["WorkflowNodeRunning", "WorkflowNodeSucceeded", "WorkflowRunning", "WorkflowSucceeded"];
  assert.deepEqual([...seen].sort(), reasons);
});
