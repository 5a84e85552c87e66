import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { CustomResourceDefinitions, Pods } from "@capstan/api/generated/resources";
import {
  type Artifact,
  type Workflow,
  WorkflowArtifactGCTasks,
  type WorkflowSpec,
  Workflows,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { createController } from "@capstan/core/reconcile";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { createWorkflowController } from "../index.ts";
import { createArtifactGCController } from "./index.ts";

/** How artifacts end in the pods that delete them: by name, what went wrong. */
type Failures = Record<string, string>;

async function start(failures: Failures = {}, until?: Promise<unknown>) {
  return TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      const kept = (name: string, artifactGC?: Artifact["artifactGC"]): Artifact => ({
        name,
        file: { key: `kept/${name}` },
        ...(artifactGC ? { artifactGC } : {}),
      });
      const artifacts = [
        kept("done"),
        kept("last", { strategy: "OnWorkflowDeletion", serviceAccountName: "own" }),
        kept("stays", { strategy: "Never" }),
      ];
      const kubelet = createFakeKubelet(cluster, () => ({ outputs: { artifacts }, ...(until ? { until } : {}) }));
      const options = { client, informers, log };
      return [
        createWorkflowController(options),
        createArtifactGCController(options),
        kubelet,
        collector(cluster, failures),
      ];
    },
  });
}

/** Stands in for the node and the executor in those pods. */
function collector({ client, informers, log }: TestCluster, failures: Failures) {
  return createController({
    name: "collector",
    informers,
    log,
    sources: [{ resource: Pods, when: ({ type }) => type === "ADDED" }],
    async reconcile(ref) {
      const pod = informers.informer(Pods).get(ref);
      const mark = pod?.spec.containers[0]?.env?.find(({ name }) => name === "ARGO_ARTIFACT_POD_NAME")?.value;
      if (!mark || !pod) return undefined;
      const labelSelector = `workflows.argoproj.io/artifact-gc-pod=${mark}`;
      const { items } = await client.list(WorkflowArtifactGCTasks, { namespace: "default", labelSelector });
      for (const { metadata, spec } of items) {
        const results = Object.entries(spec.artifactsByNode ?? {}).map(([node, { artifacts = {} }]) => {
          const each = Object.keys(artifacts).map((name) => {
            const error = failures[name];
            return [name, { name, ...(error ? { error } : { success: true }) }];
          });
          return [node, { artifactResults: Object.fromEntries(each) }];
        });
        const body = { status: { artifactResultsByNode: Object.fromEntries(results) } };
        const task = { namespace: "default", name: metadata.name };
        await client.patch(WorkflowArtifactGCTasks, task, { type: "merge", body }, { subresource: "status" });
      }
      await client.patch(
        Pods,
        ref,
        { type: "merge", body: { status: { phase: "Succeeded" } } },
        { subresource: "status" },
      );
      return undefined;
    },
  });
}

const ref = { namespace: "default", name: "wf" };
const spec = (artifactGC: WorkflowSpec["artifactGC"]): WorkflowSpec => ({
  entrypoint: "main",
  artifactGC,
  templates: [{ name: "main", container: { image: "i" }, outputs: { artifacts: [{ name: "done", path: "/d" }] } }],
});
const create = ({ client }: TestCluster, artifactGC: WorkflowSpec["artifactGC"]) =>
  client.create(Workflows, { metadata: ref, spec: spec(artifactGC) } as New<Workflow>);
const artifactsOf = (workflow: Workflow | undefined) =>
  (workflow?.status?.nodes?.wf?.outputs?.artifacts ?? []).map(({ name, deleted = false }) => [name, deleted]);
const finalizer = "workflows.argoproj.io/artifact-gc";

test("artifacts go when the workflow is over, others when it is deleted, with their own rights", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const podMetadata = { labels: { team: "a" }, annotations: { why: "b" } };
  await create(cluster, { strategy: "OnWorkflowCompletion", podMetadata, serviceAccountName: "collector" });
  const over = await cluster.until(Workflows, ref, (object) => artifactsOf(object).some(([, deleted]) => deleted));
  assert.deepEqual(artifactsOf(over), [
    ["done", true],
    ["last", false],
    ["stays", false],
  ]);
  assert.deepEqual(over?.metadata.finalizers, [finalizer]);
  assert.equal(over?.status?.artifactGCStatus?.strategiesProcessed?.OnWorkflowCompletion, true);
  const isCollector = ({ metadata }: Pod) => metadata.labels?.["workflows.argoproj.io/component"] === "artifact-gc";
  const [pod] = (await client.list(Pods, { namespace: "default" })).items.filter(isCollector);
  assert.equal(pod?.spec.serviceAccountName, "collector");
  assert.equal(pod?.metadata.labels?.team, "a");
  assert.equal(pod?.metadata.annotations?.["workflows.argoproj.io/artifact-gc-strategy"], "OnWorkflowCompletion");
  assert.match(pod?.metadata.name ?? "", /^wf-artgc-wfcomp-\d+$/);
  await client.delete(Workflows, ref);
  await cluster.until(Workflows, ref, (object) => object === undefined);
  const pods = (await client.list(Pods, { namespace: "default" })).items.filter(isCollector);
  assert.deepEqual(pods.map((each) => each.spec.serviceAccountName).sort(), ["collector", "own"]);
});

test("what could not be deleted is told, and keeps the workflow unless it is forced", async () => {
  await using cluster = await start({ done: "artifact done: the store is closed" });
  await create(cluster, { strategy: "OnWorkflowCompletion" });
  const told = await cluster.until(Workflows, ref, (object) =>
    Boolean(object?.status?.conditions?.some(({ type }) => type === "ArtifactGCError")),
  );
  const condition = told?.status?.conditions?.find(({ type }) => type === "ArtifactGCError");
  assert.match(condition?.message ?? "", /^artifact done: the store is closed \(artifactGCTask: wf-artgc-wfcomp-/);
  assert.deepEqual(told?.metadata.finalizers, [finalizer]);
  await cluster.client.patch(Workflows, ref, {
    type: "merge",
    body: { spec: { artifactGC: { forceFinalizerRemoval: true } } },
  });
  await cluster.client.delete(Workflows, ref);
  await cluster.until(Workflows, ref, (object) => object === undefined);
});

test("a workflow without anything to collect has no finalizer", async () => {
  await using cluster = await start();
  const { templates = [] } = spec(undefined);
  const plain = templates.map(({ outputs: _, ...template }) => template);
  await cluster.client.create(Workflows, {
    metadata: ref,
    spec: { entrypoint: "main", templates: plain },
  } as New<Workflow>);
  const begun = await cluster.until(Workflows, ref, (object) => object?.status?.artifactGCStatus !== undefined);
  assert.deepEqual(begun?.status?.artifactGCStatus, { notSpecified: true });
});

test("a workflow that is deleted while it runs is ended first", async () => {
  await using cluster = await start({}, new Promise(() => {}));
  await create(cluster, { strategy: "OnWorkflowDeletion" });
  const { client } = cluster;
  await cluster.until(Workflows, ref, (object) => object?.status?.nodes?.wf?.phase === "Running");
  await client.delete(Workflows, ref);
  await cluster.until(Workflows, ref, (object) => object === undefined);
  const [pod] = (await client.list(Pods, { namespace: "default" })).items;
  assert.equal(pod?.spec.activeDeadlineSeconds, 1);
});
