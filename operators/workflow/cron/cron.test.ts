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
import { findDue, readSchedule, timesBetween } from "./schedule.ts";

const at = (text: string) => Date.parse(text);

const due = (lines: string[], zone: string | undefined, since: string, now: string) =>
  findDue(
    lines.map((line) => readSchedule(line, zone)),
    at(since),
    at(now),
  );
const times = (line: string, zone: string, start: string, end: string) =>
  timesBetween([readSchedule(line, zone)], at(start), at(end)).map((time) => new Date(time).toISOString().slice(5, 16));

test("the latest time that has come is due, and the next one is known", () => {
  assert.deepEqual(due(["*/5 * * * *", "2 * * * *"], "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:11:30Z"), {
    at: at("2026-01-01T00:10:00Z"),
    next: at("2026-01-01T00:15:00Z"),
  });
  assert.deepEqual(due(["0 12 * * *"], "Asia/Shanghai", "2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z"), {
    next: at("2026-01-01T04:00:00Z"),
  });
  assert.equal(
    due(["TZ=Asia/Shanghai 0 12 * * *"], undefined, "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z").at,
    at("2026-01-01T04:00:00Z"),
  );
  assert.equal(
    due(["0 0 1 1 *"], "UTC", "2020-01-01T00:00:00Z", "2026-06-01T00:00:00Z").at,
    at("2026-01-01T00:00:00Z"),
  );
});

test("schedules are read as upstream reads them, and refused where it refuses them", () => {
  assert.deepEqual(times("30 6 13 * FRI", "UTC", "2026-02-10T00:00:00Z", "2026-02-21T00:00:00Z"), [
    "02-13T06:30",
    "02-20T06:30",
  ]);
  assert.deepEqual(times("0 9-17/4 * feb-mar mon", "UTC", "2026-03-29T00:00:00Z", "2026-03-31T00:00:00Z"), [
    "03-30T09:00",
    "03-30T13:00",
    "03-30T17:00",
  ]);
  assert.deepEqual(times("@weekly", "UTC", "2026-03-01T00:00:00Z", "2026-03-09T00:00:00Z"), ["03-08T00:00"]);
  assert.deepEqual(times("@every 1h30m", "UTC", "2026-03-01T00:00:00Z", "2026-03-01T04:00:00Z"), [
    "03-01T01:30",
    "03-01T03:00",
  ]);
  assert.deepEqual(times("0 0 29 2 ?", "UTC", "2026-03-01T00:00:00Z", "2029-01-01T00:00:00Z"), ["02-29T00:00"]);
  assert.deepEqual(times("0 0 31 2 *", "UTC", "2026-03-01T00:00:00Z", "2029-01-01T00:00:00Z"), []);
  for (const [line, problem] of [
    ["61 * * * *", /minute: "61" is not within 0-59/],
    ["* * * * 7", /day of week: "7" is not within 0-6/],
    ["* * * *", /it has 4 fields, not 5/],
    ["*/0 * * * *", /a step of 0/],
    ["5-1 * * * *", /ends before it begins/],
    ["@often", /there is no @often/],
  ] as const)
    assert.throws(() => readSchedule(line, "UTC"), problem);
  assert.throws(() => readSchedule("* * * * *", "Mars/Base"), /in Mars\/Base/);
});

test("a time that a clock change skips does not come, and one that it repeats comes twice", () => {
  const [spring, autumn] = [
    ["2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"],
    ["2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"],
  ] as const;
  assert.deepEqual(times("30 2 * * *", "Europe/Berlin", ...spring), ["03-30T00:30"]);
  assert.deepEqual(times("30 2 * * *", "Europe/Berlin", ...autumn), ["10-25T00:30", "10-25T01:30", "10-26T01:30"]);
  assert.deepEqual(times("30 3 * * *", "Europe/Berlin", ...spring), ["03-29T01:30", "03-30T01:30"]);
  // Beirut's clocks skip midnight.
  assert.deepEqual(times("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), ["03-29T21:00"]);
  assert.deepEqual(times("30 1 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), [
    "03-28T22:30",
    "03-29T22:30",
  ]);
});

const workflowSpec = { entrypoint: "m", templates: [{ name: "m", container: { image: "i" } }] };
const ref = { namespace: "default", name: "c" };

const isSeen = (cron: CronWorkflow | undefined) =>
  cron?.metadata.annotations?.["cronworkflows.argoproj.io/last-used-schedule"] !== undefined;

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
  const make = () => createCronWorkflowController({ client, informers, log, now: () => clock.now });
  let controller = make();
  let life = new AbortController();
  let running = controller.start(life.signal);
  await cluster.until(CronWorkflows, ref, (cron) => spec.suspend === true || isSeen(cron));
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
    async stop() {
      life.abort();
      await running;
    },
    /** Another controller, as after a crash. */
    async restart() {
      controller = make();
      life = new AbortController();
      running = controller.start(life.signal);
    },
    async [Symbol.asyncDispose]() {
      life.abort();
      await running;
      await cluster[Symbol.asyncDispose]();
    },
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

test("what was missed while nobody looked runs once, if it is within its deadline", async () => {
  const clock = { now: 0 };
  await using cron = await scene({ startingDeadlineSeconds: 90 }, clock);
  const { cluster } = cron;
  cron.tick(1);
  await cron.until(({ status }) => status?.lastScheduledTime != null);
  const restart = async (minutes: number) => {
    await cron.stop();
    clock.now += minutes * 60_000;
    await cron.restart();
  };
  await restart(3);
  await cron.until(({ status }) => status?.active?.length === 2);
  const names = (await cron.workflows()).map(({ metadata }) => Number(metadata.name.slice(2)));
  assert.deepEqual(names[1], (names[0] ?? 0) + 180, "only the last one that was missed");
  // Killed after the workflow was made, before the status was written.
  await cron.stop();
  clock.now += 60_000;
  const name = `c-${Math.floor(clock.now / 60_000) * 60}`;
  await cluster.client.create(Workflows, {
    metadata: { namespace: "default", name, labels: { "workflows.argoproj.io/cron-workflow": "c" } },
    spec: workflowSpec,
  });
  await cron.restart();
  await cron.until(({ status }) => status?.active?.length === 3);
  assert.equal((await cron.workflows()).length, 3);
  // Another schedule makes up for nothing of the old one's.
  await cron.stop();
  clock.now += 60_000;
  await cluster.client.patch(CronWorkflows, ref, { type: "merge", body: { spec: { schedules: ["*/1 * * * *"] } } });
  await cron.restart();
  await cron.until(
    ({ metadata }) =>
      metadata.annotations?.["cronworkflows.argoproj.io/last-used-schedule"] === "CRON_TZ=UTC */1 * * * *",
  );
  assert.equal((await cron.workflows()).length, 3);
});

test("times while it is suspended do not come later", async () => {
  const clock = { now: 0 };
  await using cron = await scene({ suspend: true }, clock);
  const { client } = cron.cluster;
  cron.tick(2);
  await client.patch(CronWorkflows, ref, {
    type: "merge",
    body: { spec: { suspend: false }, metadata: { labels: { on: "" } } },
  });
  await cron.until(
    ({ metadata }) => metadata.annotations?.["cronworkflows.argoproj.io/last-used-schedule"] !== undefined,
  );
  cron.tick(1);
  await cron.until(({ status }) => status?.active?.length === 1);
  assert.equal((await cron.workflows()).length, 1);
});

test("a workflow that could not run is told in the status, until it is mended", async () => {
  const clock = { now: 0 };
  await using cron = await scene({}, clock);
  const { client } = cron.cluster;
  await client.patch(CronWorkflows, ref, { type: "merge", body: { spec: { workflowSpec: { entrypoint: "x" } } } });
  const bad = await cron.until(({ status }) => status?.conditions?.[0]?.type === "SpecError");
  assert.match(bad?.status?.conditions?.[0]?.message ?? "", /^spec\.workflowSpec\.entrypoint/);
  await client.patch(CronWorkflows, ref, { type: "merge", body: { spec: { workflowSpec: { entrypoint: "m" } } } });
  await cron.until(({ status }) => status?.conditions?.length === 0);
});
