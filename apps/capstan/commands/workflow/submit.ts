import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { refOf } from "@capstan/api/meta";
import { waitFor } from "@capstan/core/client";
import { type SubmitOptions, submitFrom, submitWorkflow } from "@capstan/operators/workflow";
import { describeWorkflow } from "@capstan/operators/workflow/view";
import { parse, parseNumber, UsageError } from "../usage.ts";
import {
  type Call,
  commonFlags,
  commonHelp,
  print,
  readPairs,
  readParameters,
  type Verb,
  warn,
  withCluster,
} from "./call.ts";
import { checkFollow, followAll, followFlags, followHelp } from "./follow.ts";
import { outputFlag, printObject, readOutput } from "./output.ts";
import { readParameterFile } from "./parameter-file.ts";
import { readText } from "./text.ts";

const help = `Usage: capstan workflow submit FILE... [options]
       capstan workflow submit - < FILE
       capstan workflow submit --from workflowtemplate/NAME [options]

FILE holds Workflows, or a WorkflowTemplate to submit from; templates beside a Workflow are stored first. Everything is
checked before anything runs: a field that is not supported, a value that a parameter's enum does not have and a
reference that leads nowhere are refused with their path.

Options:
  --from KIND/NAME    workflowtemplate/NAME, clusterworkflowtemplate/NAME or cronwf/NAME of the cluster
  -p, --parameter N=V set a parameter; may be given again
  -f, --parameter-file FILE
                      YAML or JSON with all parameters; -p comes over it
  --entrypoint NAME   start at another template
  --name NAME, --generate-name PREFIX
  -l, --labels A=B,…  and --annotations A=B,…
  --serviceaccount NAME
  --priority N        the higher comes first
  --scheduled-time T  what {{workflow.scheduledTime}} is, such as 2026-01-31T06:00:00Z
  --dry-run           print what would be submitted (with -o); --server-dry-run lets the server check it too
${followHelp}
  -o, --output FORMAT name, json, yaml or wide
${commonHelp}

Try:
  capstan workflow submit pipeline.yaml -p seed=7 --watch
  capstan workflow submit --from workflowtemplate/penguins --log
  capstan workflow submit pipeline.yaml --dry-run -o yaml | less`;

const flags = {
  ...commonFlags,
  ...outputFlag,
  ...followFlags,
  from: { type: "string" },
  parameter: { type: "string", short: "p", multiple: true },
  "parameter-file": { type: "string", short: "f" },
  entrypoint: { type: "string" },
  name: { type: "string" },
  "generate-name": { type: "string" },
  labels: { type: "string", short: "l" },
  annotations: { type: "string" },
  serviceaccount: { type: "string" },
  priority: { type: "string" },
  "scheduled-time": { type: "string" },
  "dry-run": { type: "boolean", default: false },
  "server-dry-run": { type: "boolean", default: false },
} as const;

async function submit(args: string[]): Promise<number> {
  const { values, positionals: files } = parse("workflow submit", args, flags, ["FILE...?"]);
  const output = readOutput("submit", values.output);
  checkFollow("submit", values);
  const dryRun = values["dry-run"] ? "client" : values["server-dry-run"] ? "server" : undefined;
  const isFollowed = values.wait || values.watch || values.log;
  if (dryRun && isFollowed) throw new UsageError("workflow submit", "a dry run starts nothing that could be followed");
  if (dryRun && !output) throw new UsageError("workflow submit", "a dry run prints what would be made: add -o yaml");
  if (values.from && files.length > 0) throw new UsageError("workflow submit", "--from and FILE exclude each other");
  if (!values.from && files.length === 0)
    throw new UsageError("workflow submit", "FILE is missing, or --from KIND/NAME");
  const options = await readOptions(values);
  return withCluster(values, async (call) => {
    const all = { ...options, namespace: call.namespace, ...(dryRun ? { dryRun } : {}) } as SubmitOptions;
    const made: Workflow[] = [];
    if (values.from) made.push(await submitFrom(call.client, values.from, all));
    for (const file of files) made.push(...(await submitWorkflow(call.client, await readText(file), all)));
    let code = 0;
    for (const workflow of made) {
      const refused = dryRun ? undefined : await refusal(call, workflow);
      if (refused !== undefined) {
        warn(`${workflow.metadata.name} was refused: ${refused}`);
        code = 1;
      } else if (output || !isFollowed) await tell(workflow, output, dryRun !== undefined);
    }
    if (code !== 0) return code;
    return followAll(call, made.map(refOf), values);
  });
}

type Values = ReturnType<typeof parse<typeof flags>>["values"];

async function readOptions(values: Values): Promise<Partial<SubmitOptions>> {
  const fromFile = values["parameter-file"] ? await readParameterFile("submit", values["parameter-file"]) : {};
  const labels = readPairs("submit", "--labels", values.labels);
  const annotations = readPairs("submit", "--annotations", values.annotations) ?? {};
  const time = values["scheduled-time"];
  if (time !== undefined) {
    if (!/^\d{4}-\d\d-\d\dT/.test(time) || Number.isNaN(Date.parse(time)))
      throw new UsageError(
        "workflow submit",
        `--scheduled-time takes a time such as 2026-01-31T06:00:00Z, not "${time}"`,
      );
    annotations["workflows.argoproj.io/scheduled-time"] = time;
  }
  const priority = values.priority;
  return {
    parameters: { ...fromFile, ...readParameters("submit", values.parameter) },
    ...(values.name ? { name: values.name } : {}),
    ...(values["generate-name"] ? { generateName: values["generate-name"] } : {}),
    ...(values.entrypoint ? { entrypoint: values.entrypoint } : {}),
    ...(values.serviceaccount ? { serviceAccount: values.serviceaccount } : {}),
    ...(labels ? { labels } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    ...(priority === undefined
      ? {}
      : { priority: parseNumber("workflow submit", "--priority", priority, -(2 ** 31), 2 ** 31 - 1) }),
  };
}

/** How long the operator has to say no; afterwards it is under way, or no operator runs. */
const refusalTime = 3000;

/** Why the operator ended it before anything ran: it looks at more than a client can. */
async function refusal({ client, signal }: Call, workflow: Workflow): Promise<string | undefined> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(refusalTime)]);
  try {
    const taken = await waitFor(client, Workflows, refOf(workflow), ({ status }) => Boolean(status?.phase), soon);
    const hasRun = Object.values(taken.status?.nodes ?? {}).some(({ type }) => type === "Pod");
    return taken.status?.phase === "Error" && !hasRun ? (taken.status.message ?? "") : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (soon.aborted) return undefined;
    throw error;
  }
}

async function tell(workflow: Workflow, output: ReturnType<typeof readOutput>, isDry: boolean): Promise<void> {
  if (output || isDry) {
    await printObject(workflow, output, (one) => describeWorkflow(one, { now: Date.now(), wide: output === "wide" }));
    return;
  }
  const here = `${workflow.metadata.name} -n ${workflow.metadata.namespace}`;
  print(`Submitted ${here}\nSee it run:   capstan workflow watch ${here}`);
}

export const verb: Verb = { help, run: submit };
