// A workflow of components, checked before anything runs: schemas go from the source files' headers through every task.
import { checkComponent } from "./check.ts";
import type { ComponentDefinition, PortSchemas } from "./definition.ts";
import { type Problem, unknownName } from "./problem.ts";
import type { TableSchema } from "./schema.ts";

/** Where an input port's content comes from. */
export type Source =
  | { task: string; port: string }
  /** Not made by a component of this graph: a file in the repository, a workflow input, … */
  | { artifact: Record<string, unknown> };

export interface GraphTask {
  name: string;
  /** Path of the task in what the user wrote, such as `spec.templates[0].dag.tasks[2]`. */
  path: string;
  component: string;
  /** Text by parameter name; undefined where it is known only at run time. */
  parameters: Record<string, string | undefined>;
  /** Where in the user's text a parameter stands, below `path`. */
  parameterPaths: Record<string, string>;
  inputs: Record<string, Source>;
  inputPaths: Record<string, string>;
}

export interface GraphContext {
  definitions: ReadonlyMap<string, ComponentDefinition>;
  /** Columns of a source artifact read with a source component's parameters; undefined when it cannot be known now. */
  readSource?(
    artifact: Record<string, unknown>,
    component: string,
    parameters: Record<string, unknown>,
  ): Promise<TableSchema | undefined>;
}

/** Empty when the graph may run. Cycles are not its business: tasks of one are left unchecked. */
export async function checkGraph(tasks: GraphTask[], context: GraphContext): Promise<Problem[]> {
  const problems: Problem[] = [];
  const done = new Map<string, PortSchemas>();
  let waiting = tasks;
  while (waiting.length > 0) {
    const ready = waiting.filter((task) => upstream(task, tasks).every((name) => done.has(name)));
    if (ready.length === 0) break;
    for (const task of ready) {
      const { outputs, problems: found } = await checkTask(task, tasks, done, context);
      problems.push(...found);
      done.set(task.name, outputs);
    }
    waiting = waiting.filter((task) => !ready.includes(task));
  }
  return problems;
}

function upstream(task: GraphTask, tasks: GraphTask[]): string[] {
  const names = Object.values(task.inputs).flatMap((source) => ("task" in source ? [source.task] : []));
  return names.filter((name) => tasks.some((other) => other.name === name));
}

async function checkTask(
  task: GraphTask,
  tasks: GraphTask[],
  done: Map<string, PortSchemas>,
  context: GraphContext,
): Promise<{ outputs: PortSchemas; problems: Problem[] }> {
  const definition = context.definitions.get(task.component);
  if (!definition) {
    const message = unknownName("component", task.component, context.definitions.keys());
    return { outputs: {}, problems: [{ path: task.path, message }] };
  }
  const problems = checkWiring(task, definition, tasks, context);
  const inputs = gatherInputs(task, done);
  for (const [port, source] of Object.entries(task.inputs)) {
    if (!("artifact" in source) || definition.inputs[port]?.type !== "file") continue;
    const { values } = checkComponent(definition, task.parameters, {});
    inputs[port] = await context.readSource?.(source.artifact, task.component, values);
  }
  const checked = checkComponent(definition, task.parameters, inputs);
  problems.push(...checked.problems.map(({ path, message }) => ({ path: absolute(task, path), message })));
  return { outputs: checked.outputs, problems };
}

function gatherInputs(task: GraphTask, done: Map<string, PortSchemas>): PortSchemas {
  const inputs: PortSchemas = {};
  for (const [port, source] of Object.entries(task.inputs)) {
    if ("task" in source) inputs[port] = done.get(source.task)?.[source.port];
  }
  return inputs;
}

function checkWiring(
  task: GraphTask,
  definition: ComponentDefinition,
  tasks: GraphTask[],
  context: GraphContext,
): Problem[] {
  const problems: Problem[] = [];
  for (const [port, source] of Object.entries(task.inputs)) {
    const path = absolute(task, `inputs.${port}`);
    const input = definition.inputs[port];
    if (!input) {
      problems.push({ path, message: unknownName("input port", port, Object.keys(definition.inputs)) });
      continue;
    }
    if (!("task" in source)) continue;
    const from = tasks.find((other) => other.name === source.task);
    const made = from && context.definitions.get(from.component);
    if (!made) continue;
    const output = made.outputs[source.port];
    if (!output) problems.push({ path, message: unknownName("output port", source.port, Object.keys(made.outputs)) });
    else if (output.type !== input.type)
      problems.push({ path, message: `${source.task} gives a ${output.type} there; ${port} takes a ${input.type}` });
  }
  for (const [port, input] of Object.entries(definition.inputs)) {
    if (!input.optional && !Object.hasOwn(task.inputs, port))
      problems.push({ path: absolute(task, `inputs.${port}`), message: "this input is not connected" });
  }
  return problems;
}

function absolute(task: GraphTask, path: string): string {
  const port = path.startsWith("inputs.") ? path.slice("inputs.".length) : undefined;
  const below =
    port === undefined
      ? (task.parameterPaths[path] ?? `arguments.parameters[${path}]`)
      : (task.inputPaths[port] ?? `arguments.artifacts[${port}]`);
  return `${task.path}.${below}`;
}
