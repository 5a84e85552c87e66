// The verbs of `capstan workflow`, in the order in which they are needed.
import { nearest } from "@capstan/base/errors";
import { UsageError } from "../usage.ts";
import type { Verb } from "./call.ts";

export interface Entry {
  name: string;
  summary: string;
  load(): Promise<Verb>;
}

export const verbs: Entry[] = [
  {
    name: "run",
    summary: "run workflows without a cluster, as a CI step",
    load: async () => (await import("./run/run.ts")).verb,
  },
  {
    name: "preview",
    summary: "draw what a workflow would do",
    load: async () => (await import("./preview.ts")).verb,
  },
  {
    name: "submit",
    summary: "submit workflows, or what a template or cron makes",
    load: async () => (await import("./submit.ts")).verb,
  },
  { name: "lint", summary: "look at files before they run", load: async () => (await import("./lint.ts")).verb },
  { name: "list", summary: "list workflows", load: async () => (await import("./list.ts")).verb },
  {
    name: "get",
    summary: "show a workflow and the tree of its steps",
    load: async () => (await import("./get.ts")).verb,
  },
  { name: "watch", summary: "show it until it is over", load: async () => (await import("./watch.ts")).verb },
  { name: "wait", summary: "wait until workflows are over", load: async () => (await import("./wait.ts")).verb },
  { name: "logs", summary: "print what its steps print", load: async () => (await import("./logs.ts")).verb },
  { name: "suspend", summary: "start nothing more, for now", load: async () => (await import("./suspend.ts")).verb },
  { name: "resume", summary: "go on", load: async () => (await import("./resume.ts")).verb },
  {
    name: "node",
    summary: "give a suspend step its outputs or its phase",
    load: async () => (await import("./node.ts")).verb,
  },
  { name: "stop", summary: "end it, but for exit handlers", load: async () => (await import("./stop.ts")).verb },
  { name: "terminate", summary: "end it at once", load: async () => (await import("./terminate.ts")).verb },
  { name: "retry", summary: "run again what failed", load: async () => (await import("./retry.ts")).verb },
  { name: "resubmit", summary: "run it again as a new one", load: async () => (await import("./resubmit.ts")).verb },
  { name: "delete", summary: "delete workflows", load: async () => (await import("./delete.ts")).verb },
  { name: "template", summary: "WorkflowTemplates", load: async () => (await import("./template/index.ts")).template },
  {
    name: "cluster-template",
    summary: "ClusterWorkflowTemplates",
    load: async () => (await import("./template/index.ts")).clusterTemplate,
  },
  { name: "archive", summary: "finished workflows", load: async () => (await import("./archive/index.ts")).verb },
  { name: "lineage", summary: "where artifacts came from", load: async () => (await import("./lineage.ts")).verb },
  { name: "sync", summary: "limits of semaphores", load: async () => (await import("./sync.ts")).verb },
  { name: "cron", summary: "CronWorkflows", load: async () => (await import("./cron/index.ts")).verb },
];

/** @throws UsageError with the nearest name. */
export function findVerb(name: string): Entry {
  const found = verbs.find((verb) => verb.name === name);
  if (found) return found;
  const names = verbs.map((verb) => verb.name);
  const near = nearest(name, names);
  const hint = near ? `did you mean "${near}"?` : `there are ${names.join(", ")}`;
  throw new UsageError(
    "workflow",
    name ? `there is no verb "${name}"; ${hint}` : `which verb? There are ${names.join(", ")}`,
  );
}
