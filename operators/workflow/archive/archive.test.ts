import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { type Workflow, type WorkflowSpec, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { parseLabelSelector } from "@capstan/api/meta";
import { createRecords, type LineageNode, type Records } from "@capstan/core/records";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet, type KubeletEnd } from "@capstan/testing/workflow";
import { createWorkflowOperator, type WorkflowOperatorOptions } from "../index.ts";

interface Stage extends AsyncDisposable {
  cluster: TestCluster;
  records: Records;
}

async function start(
  options: Pick<WorkflowOperatorOptions, "archive"> = { archive: {} },
  endOf: (node: string) => KubeletEnd = () => ({}),
  records?: Records,
): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-archive-"));
  const kept = records ?? createRecords({ database: { file: join(directory, "records.db") }, cluster: "here" });
  const cluster = await TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      const operator = createWorkflowOperator({ client, informers, log, records: kept, ...options });
      return [...operator, createFakeKubelet(cluster, endOf)];
    },
  });
  return {
    cluster,
    records: kept,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await kept[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const label = "workflows.argoproj.io/workflow-archiving-status";
const container = { image: "busybox", command: ["true"] };
const spec: WorkflowSpec = { entrypoint: "main", templates: [{ name: "main", container }] };
const ref = (name = "wf") => ({ namespace: "default", name });
const make = ({ cluster }: Stage, given: WorkflowSpec = spec, name = "wf", labels: Record<string, string> = {}) =>
  cluster.client.create(Workflows, { metadata: { ...ref(name), labels }, spec: given });
const archived = (object: Workflow | undefined) => object?.metadata.labels?.[label] === "Archived";

test("a finished workflow is archived whole, once, and then says so", async () => {
  await using stage = await start();
  const { uid = "" } = (await make(stage)).metadata;
  await stage.cluster.until(Workflows, ref(), archived);
  const { archive } = await stage.records.open();
  const kept = await archive.get(uid);
  assert.equal(kept?.status?.phase, "Succeeded");
  assert.equal(kept?.metadata.labels?.[label], "Persisted");
  assert.equal(kept?.status?.nodes?.wf?.phase, "Succeeded");
  assert.equal((await archive.search({})).items.length, 1);
});

test("workflows that the selector does not select are not archived", async () => {
  await using stage = await start({ archive: { selector: parseLabelSelector("keep=yes") } });
  await make(stage, spec, "no");
  await make(stage, spec, "yes", { keep: "yes" });
  await stage.cluster.until(Workflows, ref("yes"), archived);
  const no = await stage.cluster.until(Workflows, ref("no"), (object) => object?.status?.finishedAt != null);
  assert.equal(no?.metadata.labels?.[label], undefined);
});

test("a workflow without time to live is in the archive before it goes; a refused one is there too", async () => {
  await using stage = await start();
  const given = { ...spec, ttlStrategy: { secondsAfterCompletion: 0 } };
  const short = await make(stage, given, "short");
  const wrong = await make(stage, { entrypoint: "nowhere", templates: [] }, "wrong");
  await stage.cluster.until(Workflows, ref("short"), (object) => object === undefined);
  await stage.cluster.until(Workflows, ref("wrong"), archived);
  const { archive } = await stage.records.open();
  assert.equal((await archive.get(short.metadata.uid ?? ""))?.metadata.name, "short");
  assert.equal((await archive.get(wrong.metadata.uid ?? ""))?.status?.phase, "Error");
});

test("nothing is lost while the database cannot be used: deletion waits, and what is deleted by hand is kept too", async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-archive-"));
  const real = createRecords({ database: { file: join(directory, "records.db") }, cluster: "here" });
  let usable: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    usable = resolve;
  });
  const late: Records = {
    shared: false,
    open: () => gate.then(() => real.open()),
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  };
  await using stage = await start({ archive: {} }, () => ({}), late);
  const given = { ...spec, ttlStrategy: { secondsAfterCompletion: 0 } };
  const made = [await make(stage, given, "waits"), await make(stage, spec, "deleted")];
  for (const name of ["waits", "deleted"])
    await stage.cluster.until(Workflows, ref(name), (object) => object?.status?.finishedAt != null);
  await stage.cluster.client.delete(Workflows, ref("deleted"));
  await stage.cluster.until(Workflows, ref("deleted"), (object) => object === undefined);
  assert.equal((await stage.cluster.client.get(Workflows, ref("waits"))).metadata.labels?.[label], "Pending");
  usable();
  await stage.cluster.until(Workflows, ref("waits"), (object) => object === undefined);
  const { archive } = await stage.records.open();
  for (const { metadata } of made) assert.ok(await archive.get(metadata.uid ?? ""), `${metadata.name} is archived`);
  rmSync(directory, { recursive: true, force: true });
});

test("each step is written down with what it read and made", async () => {
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const made = (name: string, letter: string) => ({
    name,
    path: "/o",
    file: { key: `k/${name}` },
    digest: digest(letter),
  });
  const directory = mkdtempSync(join(tmpdir(), "capstan-archive-"));
  const real = createRecords({ database: { file: join(directory, "records.db") }, cluster: "here" });
  const written = new Set<string>();
  const { promise: both, resolve } = Promise.withResolvers<void>();
  const told: Records = {
    shared: false,
    async open() {
      const open = await real.open();
      const record = async (nodes: LineageNode[]) => {
        await open.lineage.record(nodes);
        for (const { name } of nodes) written.add(name);
        if (written.size === 2) resolve();
      };
      return { ...open, lineage: { ...open.lineage, record } };
    },
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  };
  const endOf = (node: string): KubeletEnd => {
    if (node.endsWith(".make")) return { outputs: { artifacts: [made("data", "a"), made("main-logs", "c")] } };
    return { outputs: { artifacts: [made("model", "b"), { name: "main-logs", file: { key: "k/main.log" } }] } };
  };
  await using stage = await start({}, endOf, told);
  await make(stage, {
    entrypoint: "main",
    templates: [
      {
        name: "main",
        dag: {
          tasks: [
            { name: "make", template: "make", arguments: { parameters: [{ name: "seed", value: 7 }] } },
            {
              name: "use",
              template: "use",
              depends: "make",
              arguments: { artifacts: [{ name: "in", from: "{{tasks.make.outputs.artifacts.data}}" }] },
            },
          ],
        },
      },
      {
        name: "make",
        inputs: { parameters: [{ name: "seed" }] },
        container,
        outputs: { artifacts: [{ name: "data", path: "/o" }] },
      },
      {
        name: "use",
        inputs: { artifacts: [{ name: "in", path: "/i" }] },
        container,
        outputs: { artifacts: [{ name: "model", path: "/o" }] },
      },
    ],
  });
  await both;
  const { lineage } = await stage.records.open();
  const trace = async (artifact: string, direction: "up" | "down") =>
    (await lineage.trace({ namespace: "default", start: { artifact }, direction })).nodes;
  const up = await trace(digest("b"), "up");
  assert.deepEqual(
    up.map(({ name }) => name),
    ["wf.use", "wf.make"],
  );
  assert.deepEqual(up[0]?.inputs, [{ name: "in", artifact: digest("a"), location: "file:k/data" }]);
  assert.deepEqual(up[0]?.outputs.length, 1);
  assert.deepEqual(up[1]?.parameters, { seed: "7" });
  assert.deepEqual(
    (await trace(digest("a"), "down")).map(({ name }) => name),
    ["wf.use"],
  );
  rmSync(directory, { recursive: true, force: true });
});
