import { type CronWorkflow, CronWorkflows, type Workflow } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { givenMismatch, readManifests } from "@capstan/operators/workflow";
import { overrideParameters } from "@capstan/operators/workflow/control";
import { readSchedule } from "@capstan/operators/workflow/cron";
import { UsageError } from "../../usage.ts";
import { type Call, readParameters } from "../call.ts";
import { printObject } from "../output.ts";
import { readParameterFile } from "../parameter-file.ts";
import { readText } from "../text.ts";
import type { Action, Asked } from "./action.ts";
import { describeCron, schedulesOf } from "./manage.ts";

export const create: Action = async (call, files, asked) => {
  for (const cron of await read(call, files, asked))
    await printObject(await call.client.create(CronWorkflows, cron), asked.output, describeCron);
};

export const update: Action = async (call, files, asked) => {
  for (const cron of await read(call, files, asked)) {
    const { namespace = call.namespace, name = "" } = cron.metadata;
    const { metadata, status } = await call.client.get(CronWorkflows, { namespace, name });
    const { resourceVersion } = metadata;
    const next = {
      ...cron,
      metadata: {
        ...cron.metadata,
        annotations: { ...metadata.annotations, ...cron.metadata.annotations },
        resourceVersion,
      },
      ...(status ? { status } : {}),
    } as CronWorkflow;
    await printObject(await call.client.update(CronWorkflows, next), asked.output, describeCron);
  }
};

async function read(call: Call, files: string[], asked: Asked): Promise<New<CronWorkflow>[]> {
  const { schedule, entrypoint, name } = asked;
  const fromFile = asked["parameter-file"] ? await readParameterFile("cron", asked["parameter-file"]) : {};
  const parameters = { ...fromFile, ...readParameters("cron", asked.parameter) };
  const all: New<CronWorkflow>[] = [];
  for (const file of files) {
    const objects = await readManifests(await readText(file));
    const crons = objects.filter(({ kind }) => kind === "CronWorkflow") as New<CronWorkflow>[];
    if (crons.length === 0) throw new Error(`${file} holds no CronWorkflow`);
    all.push(...crons);
  }
  if (name && all.length > 1) throw new UsageError("workflow cron", `--name: there are ${all.length} CronWorkflows`);
  for (const cron of all) {
    cron.metadata = { namespace: call.namespace, ...cron.metadata, ...(name ? { name } : {}) };
    if (schedule) {
      delete cron.spec.schedule;
      cron.spec.schedules = [schedule];
    }
    if (entrypoint) cron.spec.workflowSpec.entrypoint = entrypoint;
    const workflow = { metadata: cron.metadata, spec: cron.spec.workflowSpec } as Workflow;
    overrideParameters(workflow, parameters, givenMismatch);
    for (const line of schedulesOf(cron as CronWorkflow)) readSchedule(line, cron.spec.timezone);
  }
  return all;
}
