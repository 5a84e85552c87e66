import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { type Workflow, type WorkflowSpec, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { createRecordsApi } from "@capstan/cluster/apiserver/records";
import { createRecords } from "@capstan/core/records";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { createWorkflowOperator } from "../index.ts";
import {
  archivedLabels,
  drawLineage,
  findArchived,
  readLineageTarget,
  resubmitArchived,
  retryArchived,
  searchArchive,
  traceLineage,
} from "./index.ts";

const container = { image: "busybox", command: ["true"] };
const spec: WorkflowSpec = {
  entrypoint: "main",
  templates: [
    { name: "main", steps: [[{ name: "a", template: "step" }], [{ name: "b", template: "step" }]] },
    { name: "step", container },
  ],
};

async function start(exitCodeOf: (node: string) => number) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-history-"));
  const records = createRecords({ database: { file: join(directory, "records.db") }, cluster: "here" });
  const ran: string[] = [];
  const cluster = await TestCluster.start({
    extensions: [createRecordsApi(records)],
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      const kubelet = createFakeKubelet(cluster, (node) => {
        ran.push(node);
        const digest = `sha256:${"a".repeat(64)}`;
        return {
          exitCode: exitCodeOf(node),
          outputs: { artifacts: [{ name: "o", path: "/o", file: { key: node }, digest }] },
        };
      });
      return [...createWorkflowOperator({ client, informers, log, records, archive: {} }), kubelet];
    },
  });
  const until = (name: string, wanted: (found: Workflow | undefined) => boolean) =>
    cluster.until(Workflows, { namespace: "default", name }, wanted);
  return {
    ...cluster,
    client: cluster.client,
    ran,
    ended: (name: string) => until(name, (found) => found?.status?.finishedAt != null),
    archived: (name: string) =>
      until(
        name,
        (found) => found?.metadata.labels?.["workflows.argoproj.io/workflow-archiving-status"] === "Archived",
      ),
    gone: (name: string) => until(name, (found) => found === undefined),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await records[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

test("an archived workflow is found, run again, and retried once it is no longer in the cluster", async () => {
  let fails = true;
  await using stage = await start((node) => (fails && node.endsWith("b") ? 1 : 0));
  const { client } = stage;
  const labels = { team: "x" };
  await client.create(Workflows, { metadata: { namespace: "default", name: "wf", labels }, spec });
  await stage.archived("wf");
  assert.equal(
    (await searchArchive(client, { namePattern: "w?", phase: "Failed", labelSelector: "team=x" })).items.length,
    1,
  );
  assert.deepEqual(await archivedLabels(client, "default", "team"), ["x"]);
  const archived = await findArchived(client, "default", "wf");
  assert.equal((await findArchived(client, "default", archived.metadata.name)).summary.workflow, "wf");
  const missing = findArchived(client, "default", "nobody");
  await assert.rejects(missing, (error) => isReason(error, "NotFound"));
  await assert.rejects(retryArchived(client, archived, {}), (error) => isReason(error, "AlreadyExists"));
  fails = false;
  const again = await resubmitArchived(client, archived, { memoized: true });
  assert.equal((await stage.ended(again.metadata.name))?.status?.phase, "Succeeded");
  assert.equal(again.metadata.labels?.["workflows.argoproj.io/resubmitted-from-workflow"], "wf");
  await client.delete(Workflows, { namespace: "default", name: "wf" });
  await stage.gone("wf");
  await retryArchived(client, archived, {});
  assert.equal((await stage.archived("wf"))?.status?.phase, "Succeeded");
  assert.deepEqual(
    stage.ran.filter((node) => node.startsWith("wf[")),
    ["wf[0].a", "wf[1].b", "wf[1].b"],
  );
  assert.equal((await searchArchive(client, { name: "wf" })).items.length, 2);
});

test("lineage is asked for by artifact, workflow and node, and drawn", async () => {
  await using stage = await start(() => 0);
  const { client } = stage;
  await client.create(Workflows, { metadata: { namespace: "default", name: "wf" }, spec });
  await stage.archived("wf");
  const names = async (target: string) => {
    const answer = await traceLineage(client, "default", { ...readLineageTarget(target), direction: "up" });
    return answer.steps.map(({ name }) => name);
  };
  assert.deepEqual(await names("wf/a"), ["wf[0].a"]);
  assert.deepEqual((await names("wf")).sort(), ["wf[0].a", "wf[1].b"]);
  assert.deepEqual((await names("sha256:aaaaaaaa")).sort(), ["wf[0].a", "wf[1].b"]);
  assert.deepEqual((await names("file:wf[0].a")).sort(), ["wf[0].a", "wf[1].b"]);
  const answer = await traceLineage(client, "default", { workflow: "wf", direction: "both" });
  const dot = drawLineage(answer);
  assert.match(dot, /^digraph lineage \{/);
  assert.match(dot, /"sha256:a{64}" \[shape=ellipse, label="o\\nsha256:aaaaaaaaaaaa"\];/);
});
