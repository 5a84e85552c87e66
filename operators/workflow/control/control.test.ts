import assert from "node:assert/strict";
import { test } from "node:test";
import { CustomResourceDefinitions, Pods } from "@capstan/api/generated/resources";
import {
  type NodeStatus,
  type Workflow,
  type WorkflowSpec,
  Workflows,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet, type KubeletEnd } from "@capstan/testing/workflow";
import { fnv1a32 } from "../engine/names.ts";
import { createWorkflowController } from "../index.ts";
import {
  formulateRetry,
  resubmitWorkflow,
  resumeWorkflow,
  retryWorkflow,
  setNode,
  shutDownWorkflow,
  suspendWorkflow,
} from "./index.ts";

async function start(endOf: (node: string) => KubeletEnd) {
  return TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      return [createWorkflowController({ client, informers, log }), createFakeKubelet(cluster, endOf)];
    },
  });
}

const ref = { namespace: "default", name: "wf" };
const container = { image: "busybox", command: ["true"] };
const over = (object: Workflow | undefined) => object?.status?.finishedAt != null;
const phases = (workflow: Workflow | undefined) =>
  Object.fromEntries(Object.values(workflow?.status?.nodes ?? {}).map(({ name, phase }) => [name, phase]));

async function run(cluster: TestCluster, spec: WorkflowSpec) {
  await cluster.client.create(Workflows, { metadata: ref, spec } as New<Workflow>);
  return (await cluster.until(Workflows, ref, over)) as Workflow;
}

const diamond: WorkflowSpec = {
  entrypoint: "main",
  onExit: "pod",
  arguments: { parameters: [{ name: "message", value: "one" }] },
  templates: [
    {
      name: "main",
      dag: {
        failFast: false,
        tasks: [
          { name: "a", template: "pod" },
          { name: "b", template: "twice", dependencies: ["a"] },
          { name: "c", template: "inner", dependencies: ["a"], withItems: [1, 2] },
          { name: "d", template: "pod", dependencies: ["b", "c"] },
        ],
      },
    },
    { name: "inner", steps: [[{ name: "s", template: "pod" }], [{ name: "t", template: "pod" }]] },
    { name: "twice", retryStrategy: { limit: 1 }, container },
    { name: "pod", container: { ...container, args: ["{{workflow.parameters.message}}"] } },
  ],
};

/** Pods fail until `heal`. */
function patient(bad: string[]) {
  const started: string[] = [];
  let healed = false;
  return {
    started,
    heal() {
      healed = true;
      started.length = 0;
    },
    endOf(node: string): KubeletEnd {
      started.push(node);
      return !healed && bad.some((name) => node.startsWith(name)) ? { exitCode: 1 } : {};
    },
  };
}

test("a retry runs again what failed and what waited for it, and nothing else", async () => {
  const pods = patient(["wf.b", "wf.c(1:2)[1].t"]);
  await using cluster = await start(pods.endOf);
  const failed = await run(cluster, diamond);
  assert.equal(failed.status?.phase, "Failed", failed.status?.message);
  assert.equal(phases(failed)["wf.d"], "Omitted");
  pods.heal();
  await retryWorkflow(cluster.client, ref, { parameters: { message: "two" } });
  const done = await cluster.until(Workflows, ref, (object) => over(object) && object?.status?.phase === "Succeeded");
  assert.deepEqual(pods.started.sort(), ["wf.b(0)", "wf.c(1:2)[1].t", "wf.d", "wf.onExit"]);
  assert.ok(Object.values(phases(done)).every((phase) => phase === "Succeeded"));
  assert.equal(done?.metadata.labels?.["workflows.argoproj.io/phase"], "Succeeded");
  const { items } = await cluster.client.list(Pods, { namespace: "default" });
  const last = items.find(({ metadata }) => metadata.annotations?.["workflows.argoproj.io/node-name"] === "wf.d");
  assert.deepEqual(last?.spec.containers.find(({ name }) => name === "main")?.args, ["two"]);
});

test("successful nodes that a selector names run again with what came after them", async () => {
  const pods = patient([]);
  await using cluster = await start(pods.endOf);
  await run(cluster, diamond);
  pods.heal();
  await assert.rejects(retryWorkflow(cluster.client, ref), /restartSuccessful and nodeFieldSelector/);
  await assert.rejects(
    retryWorkflow(cluster.client, ref, { restartSuccessful: true, nodeFieldSelector: "displayNames=x" }),
    /did you mean displayName/,
  );
  await retryWorkflow(cluster.client, ref, { restartSuccessful: true, nodeFieldSelector: "name=wf.c(0:1)[1].t" });
  await cluster.until(Workflows, ref, over);
  assert.deepEqual(pods.started.sort(), ["wf.c(0:1)[1].t", "wf.d", "wf.onExit"]);
});

test("a memoized resubmit takes over what succeeded", async () => {
  const pods = patient(["wf.b", "wf.c(1:2)[1].t"]);
  await using cluster = await start(pods.endOf);
  await run(cluster, diamond);
  pods.heal();
  const made = await resubmitWorkflow(cluster.client, ref, { memoized: true });
  assert.equal(made.metadata.labels?.["workflows.argoproj.io/resubmitted-from-workflow"], "wf");
  const { name } = made.metadata;
  const done = await cluster.until(Workflows, { namespace: "default", name }, over);
  assert.equal(done?.status?.phase, "Succeeded", JSON.stringify(phases(done)));
  assert.deepEqual(pods.started.map((node) => node.replace(name, "wf")).sort(), [
    "wf.b(1)",
    "wf.c(1:2)[1].t",
    "wf.d",
    "wf.onExit",
  ]);
  assert.equal(phases(done)[`${name}.a`], "Skipped");
});

test("only a workflow that is over can be retried, and only a failed one resubmitted with its results", async () => {
  await using cluster = await start(() => ({}));
  const running = { metadata: { name: "wf" }, spec: {}, status: { phase: "Running" } } as Workflow;
  assert.throws(() => formulateRetry(running, {}, 0), /Cannot retry a workflow in phase Running/);
  await run(cluster, { entrypoint: "m", templates: [{ name: "m", container }] });
  await assert.rejects(resubmitWorkflow(cluster.client, ref, { memoized: true }), /must be Failed\/Error/);
  await assert.rejects(suspendWorkflow(cluster.client, ref), /default\/wf is over/);
  await assert.rejects(shutDownWorkflow(cluster.client, ref, "Stop"), /default\/wf is over/);
});

const approval: WorkflowSpec = {
  entrypoint: "main",
  templates: [
    {
      name: "main",
      steps: [
        [{ name: "ask", template: "ask" }],
        [
          {
            name: "say",
            template: "say",
            arguments: { parameters: [{ name: "x", value: "{{steps.ask.outputs.parameters.approve}}" }] },
          },
        ],
      ],
    },
    {
      name: "ask",
      suspend: {},
      inputs: { parameters: [{ name: "approve", default: "NO", enum: ["YES", "NO"] }] },
      outputs: { parameters: [{ name: "approve", globalName: "said", valueFrom: { supplied: {} } }] },
    },
    {
      name: "say",
      inputs: { parameters: [{ name: "x" }] },
      container: { ...container, args: ["{{inputs.parameters.x}} {{workflow.outputs.parameters.said}}"] },
    },
  ],
};
const waits = (object: Workflow | undefined) =>
  Object.values(object?.status?.nodes ?? {}).some(
    (node) => node.type === "Suspend" && node.phase === "Running" && node.outputs !== undefined,
  );

test("a suspended node takes one of its enum's values, and then goes on", async () => {
  await using cluster = await start(() => ({}));
  const { client } = cluster;
  await client.create(Workflows, { metadata: ref, spec: approval } as New<Workflow>);
  await cluster.until(Workflows, ref, waits);
  const selector = "displayName=ask";
  await assert.rejects(resumeWorkflow(client, ref), /outputs\.parameters\.approve of ask has no value/);
  await assert.rejects(setNode(client, ref, selector, { outputs: { approve: "MAYBE" } }), /"MAYBE" is none of YES, NO/);
  await assert.rejects(
    setNode(client, ref, selector, { outputs: { aprove: "YES" } }),
    /not expecting output parameter 'aprove'/,
  );
  await assert.rejects(setNode(client, ref, "displayName=x", { message: "m" }), /no suspend nodes matching/);
  await setNode(client, ref, selector, { outputs: { approve: "YES" }, message: "approved by Ann" });
  await resumeWorkflow(client, ref, selector);
  const done = await cluster.until(Workflows, ref, over);
  assert.equal(done?.status?.phase, "Succeeded", done?.status?.message);
  assert.deepEqual(done?.status?.outputs?.parameters, [{ name: "said", value: "YES" }]);
  const ask = Object.values(done?.status?.nodes ?? {}).find(({ displayName }) => displayName === "ask");
  assert.equal(ask?.message, "approved by Ann");
  const [pod] = (await client.list(Pods, { namespace: "default" })).items;
  assert.deepEqual(pod?.spec.containers.find(({ name }) => name === "main")?.args, ["YES YES"]);
});

test("a suspended workflow starts nothing until it is resumed", async () => {
  let started = 0;
  await using cluster = await start(() => {
    started++;
    return {};
  });
  const { client } = cluster;
  await client.create(Workflows, { metadata: ref, spec: { ...diamond, suspend: true } } as New<Workflow>);
  await cluster.until(Workflows, ref, (object) => object?.status?.phase === "Running");
  await suspendWorkflow(client, ref);
  assert.equal(started, 0);
  await resumeWorkflow(client, ref);
  assert.equal((await cluster.until(Workflows, ref, over))?.status?.phase, "Succeeded");
});

const node = (id: string, more: Partial<NodeStatus>): [string, NodeStatus] => [
  id,
  { id, name: id, type: "Pod", phase: "Succeeded", ...more },
];
const status = (phase: "Failed" | "Succeeded", ...nodes: [string, NodeStatus][]) =>
  ({ metadata: { name: "top" }, spec: {}, status: { phase, nodes: Object.fromEntries(nodes) } }) as Workflow;

test("a node that failed and was continued from is not run again; what was never continued from is", () => {
  const top = { type: "DAG" as const, phase: "Failed" as const, children: ["1"], outboundNodes: ["3", "5"] };
  const workflow = status(
    "Failed",
    node("top", top),
    node("1", { boundaryID: "top", children: ["2", "4"] }),
    node("2", { boundaryID: "top", phase: "Failed", children: ["3"] }),
    node("3", { boundaryID: "top" }),
    node("4", { boundaryID: "top", phase: "Failed", children: ["5"] }),
    node("5", { boundaryID: "top", type: "Skipped", phase: "Omitted" }),
  );
  const { workflow: retried, pods } = formulateRetry(workflow, {}, 0);
  assert.deepEqual(pods, [`top-${fnv1a32("4")}`]);
  assert.deepEqual(Object.keys(retried.status?.nodes ?? {}), ["1", "2", "3", "top"]);
  assert.equal(retried.status?.nodes?.top?.phase, "Running");
  assert.deepEqual(retried.status?.nodes?.top?.outboundNodes, ["3"]);
  assert.deepEqual(retried.status?.nodes?.["1"]?.children, ["2"]);
  assert.equal(retried.status?.nodes?.["2"]?.phase, "Failed");
});
