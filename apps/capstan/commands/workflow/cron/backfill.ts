// Starts the workflows of a period that has gone by. Source: argo-workflows cmd/argo/commands/cron/backfill.go.
import { CronWorkflows, type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { fromCron, readSchedule, timesBetween } from "@capstan/operators/workflow/cron";
import { alignColumns } from "@capstan/operators/workflow/view";
import { parseNumber, UsageError } from "../../usage.ts";
import { print } from "../call.ts";
import type { Action, Asked } from "./action.ts";
import { schedulesOf } from "./manage.ts";

const backfillLabel = "workflows.argoproj.io/backfill";
const highest = 2 ** 31 - 1;

export const backfill: Action = async ({ client, namespace }, [name = ""], asked) => {
  const most = parseNumber("workflow cron", "--maxworkflowcount", asked.maxworkflowcount, 1, 10_000);
  const [start, end] = [readTime("--start", asked.start), readTime("--end", asked.end ?? new Date().toISOString())];
  const cron = await client.get(CronWorkflows, { namespace, name });
  const schedules = schedulesOf(cron).map((line) => readSchedule(line, cron.spec.timezone));
  const times = timesBetween(schedules, start, end);
  if (times.length === 0) {
    print("There is no suitable scheduling time.");
    return;
  }
  if (times.length > most)
    throw new Error(`${times.length} times are in that period, more than --maxworkflowcount ${most}`);
  const run = asked.name ?? crypto.randomUUID().slice(0, 5);
  const rows = [["NAMESPACE", "WORKFLOW", "SCHEDULED TIME"]];
  for (const at of times) {
    const made = `${name}-backfill-${run}-${Math.floor(at / 1000)}`;
    if (!asked["dry-run"])
      await client.create(Workflows, childAt(fromCron(cron, { at, name: made }), at, run, name, asked));
    rows.push([namespace, made, stamp(at)]);
  }
  const what = asked["dry-run"] ? "Would create" : "Created";
  print(`${what} ${times.length} workflows of CronWorkflow ${name}, from ${stamp(start)} to ${stamp(end)}`);
  print(alignColumns(rows).join("\n"));
};

function childAt(
  child: New<Workflow>,
  at: number,
  run: string,
  cron: string,
  { argname, parallel }: Asked,
): New<Workflow> {
  const { spec, metadata } = child;
  // They are no runs of the schedule: its history and its policy do not count them.
  const { "workflows.argoproj.io/cron-workflow": _, ...labels } = metadata.labels ?? {};
  const parameters = (spec.arguments?.parameters ?? []).filter(({ name }) => name !== argname);
  return {
    ...child,
    metadata: { ...metadata, labels: { ...labels, [backfillLabel]: cron } },
    spec: {
      ...spec,
      arguments: { ...spec.arguments, parameters: [...parameters, { name: argname, value: stamp(at) }] },
      // One after another, the earliest first.
      ...(parallel ? {} : { priority: highest, synchronization: { mutexes: [{ name: run }] } }),
    },
  };
}

const stamp = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");

function readTime(flag: string, text: string | undefined): number {
  if (text === undefined) throw new UsageError("workflow cron", `${flag} is missing`);
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new UsageError("workflow cron", `${flag} takes a time such as 2026-01-31T00:00:00Z, not "${text}"`);
  return time;
}
