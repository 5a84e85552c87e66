// The component tasks of a workflow, as the graph check takes them. Works on anything with Argo's shape.
import type { GraphTask, Source } from "./graph.ts";
import { componentNames } from "./templates.ts";

interface Argument {
  name: string;
  value?: unknown;
  from?: string;
  [field: string]: unknown;
}
interface Task {
  name: string;
  templateRef?: { name?: string; template?: string; clusterScope?: boolean };
  arguments?: { parameters?: Argument[]; artifacts?: Argument[] };
}
/** The part of a workflow's spec that is read. */
export interface WorkflowShape {
  arguments?: { parameters?: Argument[] };
  templates?: { name?: string; dag?: { tasks?: Task[] }; steps?: unknown[] }[];
}

/**
 * The tasks of each template with components, template by template: references do not cross templates.
 * @param pathOf where a template stands in what the user wrote.
 */
export function componentTasks(
  spec: WorkflowShape,
  pathOf = (_name: string | undefined, index: number) => `spec.templates[${index}]`,
): GraphTask[][] {
  const known = new Map((spec.arguments?.parameters ?? []).map(({ name, value }) => [name, textOf(value)]));
  return (spec.templates ?? []).map((template, t) => {
    const path = pathOf(template.name, t);
    const tasks = (template.dag?.tasks ?? []).map((task, i) => ({ task, path: `${path}.dag.tasks[${i}]` }));
    return [...tasks, ...stepsOf(template.steps, path)].flatMap(({ task, path }) => toGraphTask(task, path, known));
  });
}

/** Steps come as lists of lists, or as plain objects where a stage has one step. */
function stepsOf(steps: unknown[] | undefined, path: string): { task: Task; path: string }[] {
  return (steps ?? []).flatMap((stage, s) => {
    const at = `${path}.steps[${s}]`;
    if (Array.isArray(stage)) return stage.map((step: Task, i) => ({ task: step, path: `${at}[${i}]` }));
    return [{ task: stage as Task, path: at }];
  });
}

function toGraphTask(task: Task, path: string, known: ReadonlyMap<string, string | undefined>): GraphTask[] {
  const { templateRef: ref } = task;
  if (ref?.name !== componentNames.template || !ref.clusterScope || ref.template === undefined) return [];
  const parameters: GraphTask["parameters"] = {};
  const parameterPaths: Record<string, string> = {};
  (task.arguments?.parameters ?? []).forEach(({ name, value }, i) => {
    parameters[name] = resolve(textOf(value), known);
    parameterPaths[name] = `arguments.parameters[${i}].value`;
  });
  const inputs: Record<string, Source> = {};
  const inputPaths: Record<string, string> = {};
  (task.arguments?.artifacts ?? []).forEach((artifact, i) => {
    inputs[artifact.name] = sourceOf(artifact);
    inputPaths[artifact.name] = `arguments.artifacts[${i}]`;
  });
  return [{ name: task.name, path, component: ref.template, parameters, parameterPaths, inputs, inputPaths }];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

/** Workflow parameters are known before the run; any other tag is not. */
function resolve(text: string | undefined, known: ReadonlyMap<string, string | undefined>): string | undefined {
  let open = text === undefined;
  const resolved = text?.replaceAll(
    /\{\{\s*(?:workflow\.parameters\.([\w-]+)\s*\}\}|[^}]*\}\})/g,
    (_tag, name?: string) => {
      const value = name === undefined ? undefined : known.get(name);
      if (value === undefined) open = true;
      return value ?? "";
    },
  );
  return open ? undefined : resolved;
}

function sourceOf(artifact: Argument): Source {
  const from = /^\{\{\s*(?:tasks|steps)\.([\w-]+)\.outputs\.artifacts\.([\w-]+)\s*\}\}$/.exec(artifact.from ?? "");
  return from ? { task: from[1] as string, port: from[2] as string } : { artifact };
}
