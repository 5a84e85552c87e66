import assert from "node:assert/strict";
import { test } from "node:test";
import { CustomResourceDefinitions, Events } from "@capstan/api/generated/resources";
import {
  type CronWorkflow,
  type CronWorkflowSpec,
  CronWorkflows,
  type Workflow,
  Workflows,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import { TestCluster } from "@capstan/testing/cluster";
import { createCronWorkflowController } from "./index.ts";
import { findDue } from "./schedule.ts";

const at = (text: string) => Date.parse(text);

test("the latest time that has come is due, and the next one is known", () => {
  const due = findDue(["*/5 * * * *", "2 * * * *"], "UTC", at("2026-01-01T00:00:00Z"), at("2026-01-01T00:11:30Z"));
  assert.deepEqual(due, { at: at("2026-01-01T00:10:00Z"), next: at("2026-01-01T00:15:00Z") });
  assert.deepEqual(findDue(["0 12 * * *"], "Asia/Shanghai", at("2026-01-01T00:00:00Z"), at("2026-01-01T03:00:00Z")), {
    next: at("2026-01-01T04:00:00Z"),
  });
  assert.equal(
    findDue(["TZ=Asia/Shanghai 0 12 * * *"], undefined, at("2026-01-01T00:00:00Z"), at("2026-01-01T05:00:00Z")).at,
    at("2026-01-01T04:00:00Z"),
  );
  assert.throws(() => findDue(["61 * * * *"], "UTC", 0, 1), /schedule "61 \* \* \* \*"/);
  assert.throws(() => findDue(["* * * * *"], "Mars/Base", 0, 1), /Mars\/Base/);
});

const workflowSpec = { entrypoint: "m", templates: [{ name: "m", container: { image: "i" } }] };
const ref = { namespace: "default", name: "c" };

async function scene(spec: Partial<CronWorkflowSpec>, clock: { now: number }) {
  const cluster = await TestCluster.start({
    async parts({ client }) {
      for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
      return [];
    },
  });
  const { client, informers, log } = cluster;
  const made = await client.create(CronWorkflows, {
    metadata: ref,
    spec: { schedules: ["* * * * *"], timezone: "UTC", workflowSpec, ...spec },
  });
  // The clock starts at the whole minute before the object was made.
  clock.now = Math.floor(at(String(made.metadata.creationTimestamp)) / 60_000) * 60_000;
  const controller = createCronWorkflowController({ client, informers, log, now: () => clock.now });
  cluster.run(controller);
  return {
    cluster,
    tick(minutes: number) {
      clock.now += minutes * 60_000 + 1;
      controller.enqueue(ref);
    },
    end: async (name: string, phase: "Succeeded" | "Failed") => {
      const body = { status: { phase, finishedAt: new Date(clock.now).toISOString() } };
      await client.patch(Workflows, { namespace: "default", name }, { type: "merge", body });
    },
    until: (wanted: (cron: CronWorkflow) => boolean) =>
      cluster.until(CronWorkflows, ref, (cron) => cron !== undefined && wanted(cron)),
    workflows: async () => (await client.list(Workflows, { namespace: "default" })).items,
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

test("each time starts one workflow, named after it, and what ends is counted", async () => {
  const clock = { now: 0 };
  await using cron = await scene({ successfulJobsHistoryLimit: 1 }, clock);
  cron.tick(1);
  const first = await cron.until(({ status }) => status?.active?.length === 1);
  const name = first?.status?.active?.[0]?.name ?? "";
  assert.match(name, /^c-\d+$/);
  assert.equal(Number(name.slice(2)) % 60, 0);
  await cron.end(name, "Succeeded");
  await cron.until(({ status }) => status?.succeeded === 1 && status.active?.length === 0);
  cron.tick(1);
  const second = await cron.until(({ status }) => status?.active?.length === 1);
  await cron.end(second?.status?.active?.[0]?.name ?? "", "Succeeded");
  await cron.cluster.until(
    Workflows,
    { namespace: "default", name },
    (gone: Workflow | undefined) => gone === undefined,
  );
  assert.equal((await cron.workflows()).length, 1);
});

test("Forbid leaves a time out while a workflow runs, Replace ends it", async () => {
  const clock = { now: 0 };
  await using cron = await scene({ concurrencyPolicy: "Forbid" }, clock);
  cron.tick(1);
  const running = await cron.until(({ status }) => status?.active?.length === 1);
  const name = running?.status?.active?.[0]?.name ?? "";
  cron.tick(1);
  for await (const event of cron.cluster.client.watch(Events, { namespace: "default", signal: cron.cluster.signal })) {
    if (event.type !== "BOOKMARK" && event.object.reason === "AlreadyActive") break;
  }
  assert.equal((await cron.workflows()).length, 1);
  await cron.cluster.client.patch(CronWorkflows, ref, {
    type: "merge",
    body: { spec: { concurrencyPolicy: "Replace" } },
  });
  cron.tick(1);
  const ended = await cron.cluster.until(
    Workflows,
    { namespace: "default", name },
    (workflow) => workflow?.spec.shutdown === "Terminate",
  );
  assert.ok(ended);
  await cron.until(({ status }) => status?.active?.length === 2);
  assert.equal((await cron.workflows()).length, 2);
});

test("a stop strategy stops, and a bad schedule is told in the status", async () => {
  const clock = { now: 0 };
  await using cron = await scene(
    { stopStrategy: { expression: "cronworkflow.failed >= 1" }, when: "{{=cronworkflow.failed}} == 0" },
    clock,
  );
  cron.tick(1);
  const running = await cron.until(({ status }) => status?.active?.length === 1);
  await cron.end(running?.status?.active?.[0]?.name ?? "", "Failed");
  await cron.until(({ status }) => status?.phase === "Stopped");
  await cron.cluster.client.patch(CronWorkflows, ref, {
    type: "merge",
    body: { spec: { stopStrategy: null, schedules: ["nonsense"] } },
  });
  const bad = await cron.until(({ status }) => status?.conditions?.[0]?.status === "True");
  assert.match(bad?.status?.conditions?.[0]?.message ?? "", /schedule "nonsense"/);
});
