// Runs the component tasks of a WorkflowTemplate in this process, without a cluster, each after those it depends on.
// As a program: node testing/components/run-graph.ts TEMPLATE.yaml [name=value …], artifacts from examples/.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ComponentDefinition,
  componentTasks,
  type GraphTask,
  type WorkflowShape,
} from "@capstan/components/contract";
import { catalogue } from "@capstan/components/library";
import { runComponent } from "@capstan/components/runner";
import { parse } from "yaml";

export interface GraphRun {
  /** Where a task left an output port, or an output parameter as `<name>.json`. */
  output(task: string, port: string): string;
  /** Milliseconds by task. */
  times: Record<string, number>;
}

export interface GraphOptions {
  /** Path of a file of the artifact repository. */
  artifact(key: string): string;
  directory: string;
  log?(line: string): void;
}

/** Parameters of the workflow replaced by name. */
export function readTemplate(path: string, parameters: Record<string, string> = {}): WorkflowShape {
  const { spec } = parse(readFileSync(path, "utf8")) as { spec: WorkflowShape };
  for (const parameter of spec.arguments?.parameters ?? [])
    parameter.value = parameters[parameter.name] ?? parameter.value;
  return spec;
}

export async function runGraph(spec: WorkflowShape, options: GraphOptions): Promise<GraphRun> {
  const times: Record<string, number> = {};
  const output = (task: string, port: string) => join(options.directory, task, "out", port);
  let waiting = componentTasks(spec).flat();
  while (waiting.length > 0) {
    const task = waiting.find((task) => sourcesOf(task).every((name) => waiting.every((other) => other.name !== name)));
    if (!task) throw new Error(`a cycle among ${waiting.map(({ name }) => name).join(", ")}`);
    const start = performance.now();
    await runTask(task, options, output);
    times[task.name] = Math.round(performance.now() - start);
    options.log?.(`${task.name}: ${times[task.name]} ms`);
    waiting = waiting.filter((other) => other !== task);
  }
  return { output, times };
}

function sourcesOf(task: GraphTask): string[] {
  return Object.values(task.inputs).flatMap((source) => ("task" in source ? [source.task] : []));
}

async function runTask(task: GraphTask, options: GraphOptions, output: (task: string, port: string) => string) {
  const inputs = join(options.directory, task.name, "in");
  mkdirSync(inputs, { recursive: true });
  for (const [port, source] of Object.entries(task.inputs)) {
    if ("task" in source) symlinkSync(output(source.task, source.port), join(inputs, port));
    else cpSync(options.artifact((source.artifact.file as { key: string }).key), join(inputs, port));
  }
  await runComponent(catalogue.get(task.component) as ComponentDefinition, {
    parameters: task.parameters as Record<string, string>,
    inputs,
    outputs: join(options.directory, task.name, "out"),
    scratch: tmpdir(),
    log: (line) => options.log?.(`${task.name}: ${line}`),
    signal: new AbortController().signal,
  });
}

if (import.meta.main) {
  const [template = "", ...settings] = process.argv.slice(2);
  const parameters = Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/s).slice(0, 2)));
  const directory = mkdtempSync(join(tmpdir(), "capstan-graph-"));
  const artifact = (key: string) => join(import.meta.dirname, "../../examples", key.replace(/^datasets\//, ""));
  const run = await runGraph(readTemplate(template, parameters), { artifact, directory, log: console.log });
  console.log(directory, run.times, `${Math.round(process.resourceUsage().maxRSS / 1024)} MB at most`);
}
