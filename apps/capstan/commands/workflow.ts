import { existsSync, readFileSync } from "node:fs";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { Workflows } from "@capstan/api/kinds/workflow";
import { type ObjectRef, refOf } from "@capstan/api/meta";
import { type Client, createClient, waitFor } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { logsOf, renderTree, submitWorkflow, watchWorkflow } from "@capstan/operators/workflow";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { findSubmitted } from "./submitted.ts";
import { parse, UsageError } from "./usage.ts";

const flags = {
  "data-dir": { type: "string" },
  namespace: { type: "string", short: "n" },
  parameter: { type: "string", short: "p", multiple: true },
  watch: { type: "boolean", default: false },
  follow: { type: "boolean", short: "f", default: false },
} as const;

interface Call {
  client: Client;
  /** FILE or NAME. */
  target: string;
  namespace: string | undefined;
  parameters: Record<string, string>;
  watch: boolean;
  follow: boolean;
  signal: AbortSignal;
}

const verbs: Record<string, (call: Call) => Promise<number>> = { submit, watch, logs };

export async function workflow(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow", args, flags, ["the verb (submit, watch or logs)", "FILE"]);
  const [verb = "", target = ""] = positionals;
  const run = verbs[verb];
  if (!run) throw new UsageError("workflow", `"${verb}" is none of ${Object.keys(verbs).join(", ")}`);
  const directory = locateDataDirectory(values["data-dir"]);
  if (!existsSync(directory.kubeconfig)) {
    throw new Error(
      `there is no ${directory.kubeconfig}; start the platform with: capstan up --data-dir ${directory.root}`,
    );
  }
  const { transport } = await openKubeconfig(directory.kubeconfig);
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  try {
    return await run({
      client: createClient(transport.handler, { userAgent: "capstan" }),
      target,
      namespace: values.namespace,
      parameters: Object.fromEntries((values.parameter ?? []).map(readParameter)),
      watch: values.watch,
      follow: values.follow,
      signal: stop.signal,
    });
  } finally {
    transport.close();
  }
}

function readParameter(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw new UsageError("workflow", `-p takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

async function submit(call: Call): Promise<number> {
  const { client, target, namespace, parameters, signal } = call;
  const text = readFileSync(target === "-" ? "/dev/stdin" : target, "utf8");
  const submitted = await submitWorkflow(client, text, { namespace: namespace ?? "default", parameters });
  let code = 0;
  for (const { metadata } of submitted) {
    const ref = refOf({ metadata });
    // The operator looks at columns and references before it starts anything: a refusal is told here.
    const taken = await waitFor(client, Workflows, ref, ({ status }) => Boolean(status?.phase), signal);
    const refused = taken.status?.phase === "Error" && !Object.values(taken.status.nodes ?? {}).some(hasRun);
    if (refused) {
      process.stderr.write(`${metadata.name} was refused: ${taken.status?.message}\n`);
      code = 1;
    } else if (call.watch) code = Math.max(code, await follow(client, ref, signal));
    else {
      const here = `${metadata.name} -n ${metadata.namespace}`;
      process.stdout.write(`Submitted ${here}\nSee it run:   capstan workflow watch ${here}\n`);
    }
  }
  return code;
}

const hasRun = (node: { type: string }) => node.type === "Pod";

async function watch({ client, target, namespace, signal }: Call): Promise<number> {
  return follow(client, await locate(client, target, namespace), signal);
}

/** Redraws the tree in place on a terminal; elsewhere prints a line when a node ends. */
async function follow(client: Client, ref: ObjectRef, signal: AbortSignal): Promise<number> {
  const terminal = process.stdout.isTTY === true;
  let drawn = 0;
  let last: Workflow | undefined;
  const told = new Set<string>();
  for await (const state of watchWorkflow(client, ref, signal)) {
    last = state;
    const lines = renderTree(state);
    if (terminal) {
      process.stdout.write(`${drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ""}${lines.join("\n")}\n`);
      drawn = lines.length;
    } else tellEnds(state, told);
  }
  if (last && !terminal) process.stdout.write(`${renderTree(last).join("\n")}\n`);
  return last?.status?.phase === "Succeeded" ? 0 : 1;
}

function tellEnds({ status }: Workflow, told: Set<string>): void {
  for (const node of Object.values(status?.nodes ?? {})) {
    if (node.type !== "Pod" || !node.finishedAt || told.has(node.id)) continue;
    told.add(node.id);
    process.stdout.write(`${node.phase}  ${node.displayName ?? node.name}${node.message ? `  ${node.message}` : ""}\n`);
  }
}

async function logs({ client, target, namespace, follow, signal }: Call): Promise<number> {
  const ref = await locate(client, target, namespace);
  for await (const { node, text } of logsOf(client, ref, { follow, signal }))
    process.stdout.write(`${node}: ${text}\n`);
  return 0;
}

/** A file stands for the workflow that was submitted from it last; anything else is a workflow's name. */
async function locate(client: Client, target: string, namespace: string | undefined): Promise<ObjectRef> {
  if (!existsSync(target)) return { namespace: namespace ?? "default", name: target };
  return findSubmitted(client, readFileSync(target, "utf8"), target, namespace);
}
