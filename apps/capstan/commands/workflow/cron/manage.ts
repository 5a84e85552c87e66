import { type CronWorkflow, CronWorkflows } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { nextOf, readSchedule } from "@capstan/operators/workflow/cron";
import { alignColumns, detailLine, elapsed, shortDuration, timestamp } from "@capstan/operators/workflow/view";
import { print } from "../call.ts";
import { printObject } from "../output.ts";
import type { Action } from "./action.ts";

export const schedulesOf = ({ spec }: CronWorkflow): string[] =>
  spec.schedules ?? (spec.schedule ? [spec.schedule] : []);

/** When it runs next, epoch milliseconds; undefined when it does not, or nobody can tell. */
function nextRun(cron: CronWorkflow, now: number): number | undefined {
  try {
    return nextOf(
      schedulesOf(cron).map((line) => readSchedule(line, cron.spec.timezone)),
      now,
    );
  } catch {
    // The status says what is wrong with the schedule.
    return undefined;
  }
}

export const list: Action = async ({ client, namespace }, _, { output, selector, "all-namespaces": everywhere }) => {
  const { items } = await client.list(CronWorkflows, {
    ...(everywhere ? {} : { namespace }),
    ...(selector ? { labelSelector: selector } : {}),
  });
  if (output === "name") for (const { metadata } of items) print(metadata.name);
  else if (output === "json" || output === "yaml") for (const item of items) await printObject(item, output, () => []);
  else {
    const now = Date.now();
    const names = ["NAME", "AGE", "LAST RUN", "NEXT RUN", "SCHEDULES", "TIMEZONE", "SUSPENDED"];
    const rows = items.map((cron) => [...(everywhere ? [cron.metadata.namespace ?? ""] : []), ...rowOf(cron, now)]);
    print(alignColumns([[...(everywhere ? ["NAMESPACE"] : []), ...names], ...rows]).join("\n"));
  }
};

function rowOf(cron: CronWorkflow, now: number): string[] {
  const { metadata, spec, status } = cron;
  const last = status?.lastScheduledTime;
  const next = nextRun(cron, now);
  return [
    metadata.name,
    shortDuration(elapsed(metadata.creationTimestamp, undefined, now)),
    last ? shortDuration(elapsed(last, undefined, now)) : "N/A",
    next === undefined ? "N/A" : shortDuration(next - now),
    schedulesOf(cron).join(","),
    spec.timezone ?? "",
    String(spec.suspend ?? false),
  ];
}

export function describeCron(cron: CronWorkflow): string[] {
  const { metadata, spec, status } = cron;
  const now = Date.now();
  const line = (name: string, value: unknown) => detailLine(name, value, 30);
  const next = nextRun(cron, now);
  const lines = [
    line("Name:", metadata.name),
    line("Namespace:", metadata.namespace ?? ""),
    line("Created:", timestamp(Date.parse(metadata.creationTimestamp ?? ""), now)),
    line("Schedules:", schedulesOf(cron).join(",")),
    line("Suspended:", spec.suspend ?? false),
  ];
  if (spec.timezone) lines.push(line("Timezone:", spec.timezone));
  if (spec.startingDeadlineSeconds !== undefined)
    lines.push(line("StartingDeadlineSeconds:", spec.startingDeadlineSeconds));
  if (spec.concurrencyPolicy) lines.push(line("ConcurrencyPolicy:", spec.concurrencyPolicy));
  if (status?.lastScheduledTime)
    lines.push(line("LastScheduledTime:", timestamp(Date.parse(status.lastScheduledTime), now)));
  if (next !== undefined) lines.push(line("NextScheduledTime:", timestamp(next, now)));
  if (status?.active?.length) lines.push(line("Active Workflows:", status.active.map(({ name }) => name).join(", ")));
  if (status?.conditions?.length) {
    lines.push("Conditions:");
    for (const condition of status.conditions)
      lines.push(line(` ${condition.type}`, condition.message || condition.status));
  }
  const parameters = spec.workflowSpec.arguments?.parameters ?? [];
  if (parameters.length > 0) lines.push("Workflow Parameters:");
  for (const { name, value } of parameters) if (value !== undefined) lines.push(line(`  ${name}:`, value));
  return lines;
}

export const get: Action = async ({ client, namespace }, names, { output }) => {
  for (const name of names)
    await printObject(await client.get(CronWorkflows, { namespace, name }), output, describeCron);
};

export const setSuspended =
  (suspend: boolean): Action =>
  async ({ client, namespace }, names) => {
    for (const name of names) {
      await client.patch(CronWorkflows, { namespace, name }, { type: "merge", body: { spec: { suspend } } });
      print(`CronWorkflow '${name}' ${suspend ? "suspended" : "resumed"}`);
    }
  };

export const remove: Action = async ({ client, namespace }, names, { all }) => {
  const others = all
    ? (await client.list(CronWorkflows, { namespace })).items.map(({ metadata }) => metadata.name)
    : [];
  for (const name of [...names, ...others]) {
    try {
      await client.delete(CronWorkflows, { namespace, name }, { propagationPolicy: "Background" });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
      throw new Error(`there is no CronWorkflow ${name} in namespace ${namespace}`);
    }
    print(`CronWorkflow '${name}' deleted`);
  }
};
