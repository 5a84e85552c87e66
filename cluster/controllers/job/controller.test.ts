import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobSpec } from "@capstan/api/generated/batch-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Jobs, Pods } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createJobController, createJobTtlController } from "./index.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";

const ref = { namespace: "default", name: "work" };

function start(fate?: (pod: Pod) => number | "ready" | "pending", now?: () => number) {
  return TestCluster.start({
    parts: (cluster) => [
      createJobController({ ...cluster, ...(now ? { now } : {}) }),
      createJobTtlController(cluster),
      createPaperNode({ ...cluster, binds: true, ...(fate ? { fate } : {}) }),
    ],
  });
}

const work = (spec: Partial<JobSpec>, image = "exit/0"): New<Job> => ({
  metadata: ref,
  spec: { ...spec, template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image }] } } },
});
const ended = (type: string) => (job: Job | undefined) =>
  job?.status?.conditions?.some((each) => each.type === type && each.status === "True") ?? false;

test("completions are counted once each, and the pods stay without their finalizer", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Jobs, work({ completions: 5, parallelism: 2 }));
  const most: number[] = [];
  cluster.informers.informer(Jobs).onChange(({ object }) => most.push(object.status?.active ?? 0));
  const job = await cluster.until(Jobs, ref, ended("Complete"));
  assert.deepEqual([job?.status?.succeeded, job?.status?.failed, job?.status?.active], [5, undefined, undefined]);
  assert.ok(job?.status?.startTime && job.status.completionTime);
  assert.ok(Math.max(...most) <= 2);
  const { items } = await client.list(Pods, { namespace: "default" });
  assert.equal(items.length, 5);
  assert.ok(items.every(({ metadata }) => !metadata.finalizers?.length));
});

test("too many failures end the job, with upstream's reason, after growing pauses", async () => {
  let now = Date.now();
  await using cluster = await start(undefined, () => now);
  const { client } = cluster;
  await client.create(Jobs, work({ backoffLimit: 1 }, "exit/3"));
  await cluster.until(Jobs, ref, (job) => job?.status?.failed === 1);
  assert.equal((await client.list(Pods)).items.length, 1, "the retry waits");
  now += 11_000;
  await client.patch(Jobs, ref, { type: "merge", body: { metadata: { annotations: { poke: "1" } } } });
  const job = await cluster.until(Jobs, ref, ended("Failed"));
  const failed = job?.status?.conditions?.find(({ type }) => type === "Failed");
  assert.deepEqual(
    [failed?.reason, failed?.message],
    ["BackoffLimitExceeded", "Job has reached the specified backoff limit"],
  );
  assert.equal(job?.status?.failed, 2);
});

test("each index has a pod of its own that knows it", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Jobs, work({ completions: 4, parallelism: 4, completionMode: "Indexed" }));
  const job = await cluster.until(Jobs, ref, ended("Complete"));
  assert.deepEqual([job?.status?.completedIndexes, job?.status?.succeeded], ["0-3", 4]);
  const { items } = await client.list(Pods, { labelSelector: "batch.kubernetes.io/job-completion-index=2" });
  assert.equal(items[0]?.spec.hostname, "work-2");
  assert.ok(items[0]?.spec.containers[0]?.env?.some(({ name }) => name === "JOB_COMPLETION_INDEX"));
});

test("the failure policy fails the job at once, or one index", async () => {
  const unlucky = (pod: Pod) => pod.metadata.labels?.["batch.kubernetes.io/job-completion-index"] === "1";
  await using cluster = await start((pod) => (unlucky(pod) || pod.spec.containers[0]?.image === "bad" ? 42 : 0));
  const { client } = cluster;
  const rule = (action: string) => ({ rules: [{ action, onExitCodes: { operator: "In", values: [42] } }] });
  const indexed = { completions: 3, parallelism: 3, completionMode: "Indexed", backoffLimitPerIndex: 5 };
  await client.create(Jobs, work({ ...indexed, podFailurePolicy: rule("FailIndex") }));
  const job = await cluster.until(Jobs, ref, ended("Failed"));
  assert.deepEqual([job?.status?.failedIndexes, job?.status?.completedIndexes], ["1", "0,2"]);
  const other = { ...ref, name: "other" };
  await client.create(Jobs, { ...work({ podFailurePolicy: rule("FailJob") }, "bad"), metadata: other });
  const failed = await cluster.until(Jobs, other, ended("Failed"));
  const condition = failed?.status?.conditions?.find(({ type }) => type === "Failed");
  assert.equal(condition?.reason, "PodFailurePolicy");
  assert.match(
    condition?.message ?? "",
    /^Container c for pod default\/other-\S+ failed with exit code 42 matching FailJob rule at index 0$/,
  );
});

test("suspending stops the pods and resuming starts them; a deadline ends it all", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Jobs, work({ parallelism: 2, completions: 2, activeDeadlineSeconds: 1 }, "runs"));
  await cluster.until(Jobs, ref, (job) => job?.status?.ready === 2);
  await client.patch(Jobs, ref, { type: "merge", body: { spec: { suspend: true } } });
  const suspended = await cluster.until(Jobs, ref, (job) => ended("Suspended")(job) && !job?.status?.active);
  assert.equal(suspended?.status?.startTime, undefined);
  await client.patch(Jobs, ref, { type: "merge", body: { spec: { suspend: false, backoffLimit: 9 } } });
  const job = await cluster.until(Jobs, ref, ended("Failed"));
  assert.equal(job?.status?.conditions?.find(({ type }) => type === "Failed")?.reason, "DeadlineExceeded");
});

test("a finished job with a time to live goes", async () => {
  await using cluster = await start();
  await cluster.client.create(Jobs, work({ ttlSecondsAfterFinished: 0 }));
  await cluster.until(Jobs, ref, (job) => job === undefined || job.metadata.deletionTimestamp !== undefined);
});

test("indexes are written as upstream writes them", () => {
  assert.equal(formatIndexes([4, 0, 2, 3]), "0,2-4");
  assert.equal(formatIndexes([0, 1]), "0,1");
  assert.deepEqual([...parseIndexes("0,2-4,9", 4)], [0, 2, 3]);
});
