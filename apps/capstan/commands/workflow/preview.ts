import { writeFileSync } from "node:fs";
import type { CronWorkflow, Workflow, WorkflowTemplate } from "@capstan/api/kinds/workflow";
import type { KubeObject, New } from "@capstan/api/meta";
import { type GetTemplates, givenMismatch, readManifests, specWithTypes } from "@capstan/operators/workflow";
import { overrideParameters } from "@capstan/operators/workflow/control";
import {
  type Preview,
  previewDot,
  previewMermaid,
  previewSvg,
  previewText,
  previewWorkflow,
} from "@capstan/operators/workflow/preview";
import { parse, UsageError } from "../usage.ts";
import { print, readParameters, type Verb } from "./call.ts";
import { readParameterFile } from "./parameter-file.ts";
import { readText } from "./text.ts";

const help = `Usage: capstan workflow preview FILE... [options]

Draws what a workflow would do, before it does, without a cluster: its steps and tasks, what they wait for, the items of
loops, conditions and arguments with the parameters' values. ▾ marks a step that has steps of its own, drawn below.
FILEs may also hold the templates that it refers to.

Options:
  -p, --parameter N=V set a parameter; may be given again
  -f, --parameter-file FILE
                      YAML or JSON with all parameters; -p comes over it
  --entrypoint NAME   start at another template
  --svg, --dot, --mermaid
                      a picture, or the text for Graphviz or Mermaid
  -o, --output FILE   write it there

Try:
  capstan workflow preview pipeline.yaml -p seed=7
  capstan workflow preview pipeline.yaml --svg -o pipeline.svg`;

const flags = {
  parameter: { type: "string", short: "p", multiple: true },
  "parameter-file": { type: "string", short: "f" },
  entrypoint: { type: "string" },
  svg: { type: "boolean", default: false },
  dot: { type: "boolean", default: false },
  mermaid: { type: "boolean", default: false },
  output: { type: "string", short: "o" },
} as const;

async function preview(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow preview", args, flags, ["FILE..."]);
  const chosen = [values.svg && previewSvg, values.dot && previewDot, values.mermaid && previewMermaid].filter(
    (draw) => draw !== false,
  );
  if (chosen.length > 1) throw new UsageError("workflow preview", "--svg, --dot and --mermaid exclude one another");
  const draw: (preview: Preview) => string[] = chosen[0] ?? previewText;
  const fromFile = values["parameter-file"] ? await readParameterFile("preview", values["parameter-file"]) : {};
  const parameters = { ...fromFile, ...readParameters("preview", values.parameter) };
  const objects: New<KubeObject>[] = [];
  for (const file of positionals) objects.push(...(await readManifests(await readText(file))));
  const workflows = workflowsOf(objects);
  if (workflows.length === 0) throw new Error(`${positionals.join(", ")}: there is no workflow or template in it`);
  if (values.svg && workflows.length > 1)
    throw new Error(`--svg draws one workflow; ${positionals.join(", ")} hold ${workflows.length}`);
  const lines = workflows.flatMap((workflow) => {
    if (values.entrypoint) workflow.spec.entrypoint = values.entrypoint;
    overrideParameters(workflow, parameters, givenMismatch);
    return [...draw(previewWorkflow(workflow, templatesOf(objects))), ""];
  });
  const text = `${lines.slice(0, -1).join("\n")}\n`;
  if (values.output) writeFileSync(values.output, text);
  else print(text);
  return 0;
}

/** Workflows, what CronWorkflows start, or else the templates with an entrypoint. */
function workflowsOf(objects: New<KubeObject>[]): Workflow[] {
  const found = objects.flatMap((object): Workflow[] => {
    if (object.kind === "Workflow") return [object as Workflow];
    if (object.kind !== "CronWorkflow") return [];
    return [{ ...object, spec: (object as unknown as CronWorkflow).spec.workflowSpec } as Workflow];
  });
  if (found.length > 0) return found;
  const templates = objects.filter(({ kind }) => kind === "WorkflowTemplate" || kind === "ClusterWorkflowTemplate");
  return (templates as Workflow[]).filter(({ spec }) => spec.entrypoint);
}

function templatesOf(objects: New<KubeObject>[]): GetTemplates {
  return (scope, name) => {
    const kind = scope === "cluster" ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
    const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
    return specWithTypes(found as WorkflowTemplate | undefined);
  };
}

export const verb: Verb = { help, run: preview };
