import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, refOf, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { silent } from "@capstan/base/log";
import type { ImageMapping } from "@capstan/core/runtime";
import { InvalidWorkflow, type SubmitOptions, submitWorkflow } from "@capstan/operators/workflow";
import { shutDownWorkflow } from "@capstan/operators/workflow/control";
import { logsOf, renderTree, watchWorkflow } from "@capstan/operators/workflow/view";
import { readImageMap } from "../../../instance/image-map.ts";
import { ownRuntimes } from "../../../platform/runtime-flag.ts";
import { parse, UsageError } from "../../usage.ts";
import { print, readParameters, type Verb, warn } from "../call.ts";
import { readParameterFile } from "../parameter-file.ts";
import { keepArtifacts } from "./artifacts.ts";
import { installComponents, type LocalCluster, startLocalCluster } from "./cluster.ts";
import { type Input, makeOthers, readInput } from "./input.ts";

const help = `Usage: capstan workflow run FILE... [options]

Runs workflows without a cluster: one is started in this process for as long as they take, and nothing of it is left.
Prints what the steps print, each line with its step, and the tree in the end. FILEs may also hold what the workflows refer to:
templates, ConfigMaps, Secrets, volume claims. A CronWorkflow runs once; a WorkflowTemplate alone is run itself.

Exit code: 0 when all succeeded, 1 when one did not, 2 when the input is wrong, 130 after Ctrl-C, which ends them in order:
exit handlers still run. A second Ctrl-C waits for nothing.

Options:
  -p, --parameter N=V set a parameter; may be given again
  -f, --parameter-file FILE
                      YAML or JSON with all parameters; -p comes over it
  --entrypoint NAME   start at another template
  --output-dir DIR    keep the artifacts of the steps: DIR/STEP/…
  --image-map FILE    JSON: image pattern → {"rootfs": "host" | directory | OCI layout, "entrypoint"?, "cmd"?, "env"?}
  --host-images       every image stands for this machine's own programs: nothing is pulled
  --runtime RUNTIME   runc, unshare or auto (the default), as of "capstan up"
  -q, --quiet         print what the steps print, nothing else

Try:
  capstan workflow run pipeline.yaml -p seed=7
  capstan workflow run ci.yaml templates.yaml --host-images --output-dir out`;

const flags = {
  parameter: { type: "string", short: "p", multiple: true },
  "parameter-file": { type: "string", short: "f" },
  entrypoint: { type: "string" },
  "output-dir": { type: "string" },
  "image-map": { type: "string" },
  "host-images": { type: "boolean", default: false },
  runtime: { type: "string", default: "auto" },
  quiet: { type: "boolean", short: "q", default: false },
} as const;

const wrongInput = 2;
const interrupted = 130;
const namespace = "default";

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow run", args, flags, ["FILE..."]);
  const runtime = ownRuntimes.find((one) => one === values.runtime);
  if (!runtime)
    throw new UsageError("workflow run", `--runtime ${values.runtime}: there are ${ownRuntimes.join(", ")}`);
  const fromFile = values["parameter-file"] ? await readParameterFile("run", values["parameter-file"]) : {};
  const parameters = { ...fromFile, ...readParameters("run", values.parameter) };
  const imageMap: ImageMapping[] = values["image-map"] === undefined ? [] : readImageMap(values["image-map"]);
  if (values["host-images"]) imageMap.push({ pattern: "*", rootfs: "host" });
  let input: Input;
  try {
    input = await readInput(positionals);
  } catch (error) {
    warn(`capstan: ${messageOf(error)}`);
    return wrongInput;
  }
  const stop = listen();
  try {
    await using cluster = await startLocalCluster({ imageMap, runtime, log: silent });
    const options = { namespace, parameters, ...(values.entrypoint ? { entrypoint: values.entrypoint } : {}) };
    const made = await submitAll(cluster, input, options);
    if (!made) return wrongInput;
    return await Promise.race([followAll(cluster, made, stop, values), cluster.failed]);
  } finally {
    stop.ignore();
  }
}

/** Undefined when something in the files is wrong: it has been told. */
async function submitAll(
  { client }: LocalCluster,
  input: Input,
  options: SubmitOptions,
): Promise<Workflow[] | undefined> {
  try {
    if (/"clusterScope":true/.test(JSON.stringify(input).replaceAll("\\", ""))) await installComponents(client);
    await makeOthers(client, input.others, namespace);
    const made: Workflow[] = [];
    for (const text of input.workflows) made.push(...(await submitWorkflow(client, text, options)));
    return made;
  } catch (error) {
    // The input is refused by a check of ours or of the API; what else goes wrong is no fault of it.
    if (error instanceof StatusError && !isReason(error, "Invalid", "BadRequest", "AlreadyExists", "NotFound"))
      throw error;
    if (error instanceof InvalidWorkflow) {
      for (const { path, message } of error.problems) warn(`${path}: ${message}`);
      warn(`Where that is: capstan workflow lint ${input.files.join(" ")}`);
    } else warn(`capstan: ${messageOf(error)}`);
    return undefined;
  }
}

interface Stop {
  /** Aborts at the first Ctrl-C. */
  first: AbortSignal;
  /** Aborts at the second. */
  second: AbortSignal;
  ignore(): void;
}

function listen(): Stop {
  const [first, second] = [new AbortController(), new AbortController()];
  const end = () => {
    if (first.signal.aborted) second.abort();
    first.abort();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, end);
  const ignore = () => {
    for (const signal of signals) process.off(signal, end);
  };
  return { first: first.signal, second: second.signal, ignore };
}

async function followAll(
  cluster: LocalCluster,
  workflows: Workflow[],
  stop: Stop,
  { quiet, "output-dir": directory }: { quiet: boolean; "output-dir"?: string | undefined },
): Promise<number> {
  const { client } = cluster;
  const refs = workflows.map(refOf);
  const end = () => {
    if (!quiet) warn("Stopping …");
    for (const ref of refs) {
      shutDownWorkflow(client, ref, "Stop").catch((error: unknown) => {
        if (!isReason(error, "BadRequest")) warn(`capstan: ${messageOf(error)}`);
      });
    }
  };
  if (stop.first.aborted) end();
  else stop.first.addEventListener("abort", end, { once: true });
  const several = refs.length > 1;
  const ended = await Promise.all(refs.map((ref) => follow(cluster, ref, several, stop.second)));
  let code = 0;
  for (const workflow of ended) {
    if (workflow?.status?.phase !== "Succeeded") code = 1;
    if (!workflow) continue;
    const { phase, message } = workflow.status ?? {};
    if (!quiet) print(["", ...renderTree(workflow, { now: Date.now() }), ""].join("\n"));
    if (!quiet || phase !== "Succeeded") warn(`${workflow.metadata.name}: ${phase}${message ? `: ${message}` : ""}`);
    if (directory) await keep(cluster, workflow, resolve(directory), quiet);
  }
  return stop.first.aborted ? interrupted : code;
}

/** Prints the logs until the workflow is over, and answers its last state; undefined when there was no time for it. */
async function follow({ client }: LocalCluster, ref: ObjectRef, several: boolean, signal: AbortSignal) {
  const prefix = several ? `${ref.name} ` : "";
  const printing = (async () => {
    for await (const { node, text } of logsOf(client, ref, { follow: true, signal }))
      print(`${prefix}${node}: ${text}\n`);
  })();
  let last: Workflow | undefined;
  try {
    for await (const state of watchWorkflow(client, ref, signal)) last = state;
    await printing;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return signal.aborted ? undefined : last;
}

async function keep(cluster: LocalCluster, workflow: Workflow, directory: string, quiet: boolean): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const kept = await keepArtifacts(workflow, cluster.artifacts(namespace), directory);
  if (!quiet) for (const { step, artifact, path } of kept) warn(`artifact ${artifact} of ${step}: ${path}`);
}

export const verb: Verb = { help, run };
