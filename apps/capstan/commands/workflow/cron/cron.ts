import { parse, UsageError } from "../../usage.ts";
import { commonFlags, commonHelp, type Verb, withCluster } from "../call.ts";
import { outputFlag, readOutput } from "../output.ts";
import type { Action } from "./action.ts";
import { backfill } from "./backfill.ts";
import { create, update } from "./create.ts";
import { get, list, remove, setSuspended } from "./manage.ts";

const help = `Usage: capstan workflow cron list [-l SELECTOR] [-A]
       capstan workflow cron get|suspend|resume NAME...
       capstan workflow cron create|update FILE... [-p NAME=VALUE] [--schedule "0 6 * * *"]
       capstan workflow cron delete NAME...|--all
       capstan workflow cron backfill NAME --start TIME [--end TIME]

A CronWorkflow starts a workflow at each of its times, named NAME-UNIXTIME. backfill starts those of a period that has
gone by, one after another: each has {{workflow.scheduledTime}} as if it had been started then.

Options:
  -o, --output FORMAT name, json, yaml or wide
  -l, --selector L, -A, --all-namespaces, --all
  --schedule LINE     of create and update: this schedule instead of the file's
  -p, --parameter N=V, -f, --parameter-file FILE, --name NAME, --entrypoint NAME
                      of create and update: over what the file says
  --start T, --end T  of backfill: after the one, up to the other (default: now), such as 2026-01-31T00:00:00Z
  --parallel          of backfill: all at once
  --name NAME         of backfill: part of the workflows' names (default: five random letters)
  --argname NAME      of backfill: the parameter that gets the time (default cronScheduleTime)
  --maxworkflowcount N
                      of backfill: refuse to start more (default 1000)
  --dry-run           of backfill: print the times
${commonHelp}

Try:
  capstan workflow cron create nightly.yaml
  capstan workflow cron backfill nightly --start 2026-01-01T00:00:00Z --end 2026-01-08T00:00:00Z --dry-run`;

const flags = {
  ...commonFlags,
  ...outputFlag,
  "all-namespaces": { type: "boolean", short: "A", default: false },
  selector: { type: "string", short: "l" },
  all: { type: "boolean", default: false },
  schedule: { type: "string" },
  parameter: { type: "string", short: "p", multiple: true },
  "parameter-file": { type: "string", short: "f" },
  entrypoint: { type: "string" },
  name: { type: "string" },
  start: { type: "string" },
  end: { type: "string" },
  parallel: { type: "boolean", default: false },
  argname: { type: "string", default: "cronScheduleTime" },
  maxworkflowcount: { type: "string", default: "1000" },
  "dry-run": { type: "boolean", default: false },
} as const;

const actions: Record<string, Action> = {
  list,
  get,
  create,
  update,
  delete: remove,
  suspend: setSuspended(true),
  resume: setSuspended(false),
  backfill,
};

async function cron(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow cron", args, flags, ["the action", "NAME...?"]);
  const [name = "", ...targets] = positionals;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw new UsageError("workflow cron", `"${name}" is none of ${Object.keys(actions).join(", ")}`);
  if (targets.length === 0 && name !== "list" && !(name === "delete" && values.all))
    throw new UsageError("workflow cron", `${name} takes ${/ate$/.test(name) ? "a FILE" : "a NAME"}`);
  const output = readOutput("cron", values.output);
  return withCluster(values, async (call) => {
    await action(call, targets, { ...values, output });
    return 0;
  });
}

export const verb: Verb = { help, run: cron };
