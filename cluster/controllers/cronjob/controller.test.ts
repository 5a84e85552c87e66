import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJobSpec } from "@capstan/api/generated/batch-v1";
import { CronJobs, Jobs } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createJobController } from "../job/index.ts";
import { createCronJobController } from "./index.ts";
import { readSchedule } from "./schedule.ts";

const ref = { namespace: "default", name: "tick" };

async function start(spec: Partial<CronJobSpec>, image = "exit/0") {
  const clock = { now: Date.now() };
  const cluster = await TestCluster.start({
    parts: (made) => [
      createCronJobController({ ...made, now: () => clock.now }),
      createJobController(made),
      createPaperNode({ ...made, binds: true }),
    ],
  });
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image }] } };
  await cluster.client.create(CronJobs, {
    metadata: ref,
    spec: { schedule: "* * * * *", jobTemplate: { spec: { template } }, ...spec },
  });
  let turn = 0;
  /** Lets minutes pass, and the controller look at its clock. */
  const pass = async (minutes: number) => {
    clock.now += minutes * 60_000;
    const body = { metadata: { annotations: { turn: String(turn++) } } };
    await cluster.client.patch(CronJobs, ref, { type: "merge", body });
  };
  return { cluster, pass, clock };
}

test("each minute starts one job, missed minutes one together, and history is bounded", async () => {
  const { cluster, pass } = await start({ successfulJobsHistoryLimit: 2 });
  await using _ = cluster;
  const { client } = cluster;
  for (let round = 1; round <= 4; round++) {
    const before = (await client.get(CronJobs, ref)).status?.lastScheduleTime ?? "";
    await pass(round === 3 ? 90 : 1);
    const cron = await cluster.until(CronJobs, ref, (found) => (found?.status?.lastScheduleTime ?? "") > before);
    const minutes = Math.floor(Date.parse(cron?.status?.lastScheduleTime ?? "") / 60_000);
    const job = await cluster.until(
      Jobs,
      { ...ref, name: `tick-${minutes}` },
      (found) => found?.status?.succeeded === 1,
    );
    assert.ok(job?.metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"]);
    await cluster.until(CronJobs, ref, (found) => !found?.status?.active?.length);
  }
  const jobs = cluster.informers.informer(Jobs);
  await jobs.synced();
  await new Promise<void>((resolve) => {
    jobs.onChange(() => jobs.list().length <= 2 && resolve());
  });
});

test("Forbid waits for the running job, Replace takes its place, and a suspended one starts nothing", async () => {
  const { cluster, pass } = await start({ concurrencyPolicy: "Forbid" }, "runs");
  await using _ = cluster;
  const { client } = cluster;
  await pass(1);
  const first = await cluster.until(CronJobs, ref, (found) => found?.status?.active?.length === 1);
  const running = first?.status?.active?.[0]?.name ?? "";
  await pass(1);
  await client.patch(CronJobs, ref, { type: "merge", body: { spec: { concurrencyPolicy: "Replace" } } });
  await pass(1);
  await cluster.until(Jobs, { ...ref, name: running }, (job) => job === undefined);
  const second = await cluster.until(
    CronJobs,
    ref,
    (found) => found?.status?.active?.[0]?.name !== running && found?.status?.active?.length === 1,
  );
  await client.patch(CronJobs, ref, { type: "merge", body: { spec: { suspend: true } } });
  await pass(10);
  const after = await client.get(CronJobs, ref);
  assert.equal(after.status?.lastScheduleTime, second?.status?.lastScheduleTime);
});

test("schedules are read as cron reads them, in their time zone", async () => {
  const at = (text: string) => Date.parse(text);
  const daily = await readSchedule("30 2 * * *", "Asia/Shanghai", 0);
  assert.equal(daily.next(at("2026-03-01T00:00:00Z")), at("2026-03-01T18:30:00Z"));
  const either = await readSchedule("0 0 13 * 5", undefined, 0);
  assert.equal(either.next(at("2026-11-11T00:00:00Z")), at("2026-11-13T00:00:00Z"));
  assert.equal(either.next(at("2026-11-13T00:00:00Z")), at("2026-11-20T00:00:00Z"));
  const often = await readSchedule("@every 1h30m", undefined, at("2026-01-01T00:00:00Z"));
  assert.equal(often.last(0, at("2026-01-01T04:00:00Z")), at("2026-01-01T03:00:00Z"));
  const minute = await readSchedule("*/5 * * * *", undefined, 0);
  assert.equal(minute.last(0, at("2026-01-01T00:05:00Z")), at("2026-01-01T00:05:00Z"));
  assert.equal(minute.last(at("2026-01-01T00:05:00Z"), at("2026-01-01T00:09:59Z")), undefined);
  await assert.rejects(readSchedule("every day", undefined, 0), /unparseable schedule "every day"/);
});
