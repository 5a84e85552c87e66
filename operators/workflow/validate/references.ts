// Follows what a workflow refers to: templates, tasks, parameters, artifacts. Finds what is not there, and cycles.
import type { Arguments, Invocation, Template, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { nearest } from "@capstan/base/errors";
import {
  localContext,
  type Reference,
  type ResolvedTemplate,
  resolveTemplate,
  type TemplateContext,
  templateTypes,
} from "../engine/templates.ts";
import { dependsOf, ExpressionError, parseDepends, tasksOf } from "../expressions/index.ts";
import type { Problem } from "./shape.ts";

export type GetTemplates = (scope: "namespaced" | "cluster", name: string) => WorkflowSpec | undefined;

interface Walk {
  workflow: Workflow;
  spec: WorkflowSpec;
  get: GetTemplates;
  problems: Problem[];
  /** Templates seen, by scope and name. */
  seen: Map<string, Template>;
}

/** Every template that a run can reach, by `scope/name`; problems on the way are added. */
export function followReferences(
  workflow: Workflow,
  spec: WorkflowSpec,
  get: GetTemplates,
  problems: Problem[],
): Map<string, Template> {
  const walk: Walk = { workflow, spec, get, problems, seen: new Map() };
  const context = localContext(workflow);
  if (!spec.entrypoint) problems.push({ path: "spec.entrypoint", message: "is required" });
  else follow(walk, { template: spec.entrypoint }, context, "spec.entrypoint", spec.arguments);
  if (spec.onExit) follow(walk, { template: spec.onExit }, context, "spec.onExit");
  for (const [name, hook] of Object.entries(spec.hooks ?? {})) followHook(walk, hook, context, `spec.hooks.${name}`);
  checkNames(spec.templates ?? [], "spec.templates", problems);
  for (const [i, template] of (spec.templates ?? []).entries()) {
    visit(walk, { template, context }, `${context.scope}/${template.name}`, `spec.templates[${i}]`);
  }
  return walk.seen;
}

function followHook(
  walk: Walk,
  hook: Reference & { arguments?: Arguments; expression?: string },
  context: TemplateContext,
  path: string,
) {
  if (!path.endsWith("exit") && !hook.expression)
    walk.problems.push({ path: `${path}.expression`, message: "is required" });
  follow(walk, hook, context, path);
}

const isTagged = (text: string | undefined) => text?.includes("{{") === true;

function follow(
  walk: Walk,
  reference: Reference,
  context: TemplateContext,
  path: string,
  given?: Arguments,
): ResolvedTemplate | undefined {
  const { template, templateRef } = reference;
  // A name with tags is known only when it runs.
  if (isTagged(template) || isTagged(templateRef?.name) || isTagged(templateRef?.template)) return undefined;
  const said = [template, templateRef, reference.inline].filter((way) => way !== undefined && way !== "").length;
  if (said > 1) walk.problems.push({ path, message: "only one of template, templateRef and inline may be given" });
  let found: ResolvedTemplate;
  try {
    found = resolveTemplate(reference, context, { workflow: walk.workflow, spec: walk.spec, templates: walk.get });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const field = templateRef
      ? `${path}.templateRef`
      : template && !path.startsWith("spec.entry") && !path.startsWith("spec.onExit")
        ? `${path}.template`
        : path;
    walk.problems.push({ path: field, message: error.message });
    return undefined;
  }
  if (given) checkSupplied(walk, found.template, given, path);
  const name = reference.inline ? `${path}` : (templateRef?.template ?? template ?? "");
  const local = found.context.scope.startsWith("local/");
  const index = walk.spec.templates?.findIndex((candidate) => candidate.name === name) ?? -1;
  const where = reference.inline
    ? `${path}.inline`
    : local
      ? `spec.templates[${index}]`
      : `${found.context.scope}.${name}`;
  visit(walk, found, `${found.context.scope}/${name}`, where);
  return found;
}

/** Inputs without a value of their own must be supplied. */
function checkSupplied(walk: Walk, template: Template, given: Arguments, path: string): void {
  const args = path === "spec.entrypoint" ? "spec.arguments" : `${path}.arguments`;
  const missing = (kind: "parameters" | "artifacts", name: string) =>
    walk.problems.push({
      path: `${args}.${kind}`,
      message: `${name} was not supplied, and template ${template.name ?? ""} has no default for it`,
    });
  for (const { name, value, default: otherwise, valueFrom } of template.inputs?.parameters ?? []) {
    if (value !== undefined || otherwise !== undefined || valueFrom) continue;
    if (!given.parameters?.some((argument) => argument.name === name)) missing("parameters", name);
  }
  for (const artifact of template.inputs?.artifacts ?? []) {
    const {
      name,
      path: _path,
      optional,
      mode: _mode,
      recurseMode: _recurse,
      archive: _archive,
      ...location
    } = artifact;
    if (optional || Object.keys(location).length > 0) continue;
    if (!given.artifacts?.some((argument) => argument.name === name)) missing("artifacts", name);
  }
}

function checkNames(items: { name?: string }[], path: string, problems: Problem[]): void {
  const seen = new Set<string>();
  for (const [i, { name }] of items.entries()) {
    if (!name) problems.push({ path: `${path}[${i}].name`, message: "is required" });
    else if (seen.has(name)) problems.push({ path: `${path}[${i}].name`, message: `${name} is there twice` });
    else if (!/^[a-zA-Z0-9][-a-zA-Z0-9_.]*$/.test(name) || name.length > 128) {
      problems.push({
        path: `${path}[${i}].name`,
        message: `${JSON.stringify(name)} must be of letters, digits, - and _, 128 at most`,
      });
    }
    if (name) seen.add(name);
  }
}

const pathStyle = /^[\w.-]+$/;

function visit(walk: Walk, { template, context }: ResolvedTemplate, key: string, path: string): void {
  if (walk.seen.has(key)) return;
  walk.seen.set(key, template);
  const { problems } = walk;
  const types = templateTypes.filter((type) => template[type] !== undefined);
  if (types.length === 0) {
    problems.push({ path, message: `one of ${templateTypes.slice(0, 7).join(", ")} is required` });
  } else if (types.length > 1) problems.push({ path, message: `only one of ${types.join(", ")} may be given` });
  checkInputs(template, path, problems);
  if (template.steps) {
    const names = new Set<string>();
    checkNames(template.steps.flat(), `${path}.steps`, problems);
    for (const [i, group] of template.steps.entries()) {
      for (const [j, step] of (Array.isArray(group) ? group : []).entries()) {
        const at = `${path}.steps[${i}][${j}]`;
        checkMentions(step, "steps", names, at, problems);
        followInvocation(walk, step, context, at);
      }
      for (const step of Array.isArray(group) ? group : []) names.add(step.name);
    }
  }
  if (template.dag) visitDag(walk, template, context, path);
}

function checkInputs(template: Template, path: string, problems: Problem[]): void {
  for (const kind of ["inputs", "outputs"] as const) {
    for (const field of ["parameters", "artifacts"] as const) {
      const items: { name: string }[] = template[kind]?.[field] ?? [];
      const seen = new Set<string>();
      for (const [i, { name }] of items.entries()) {
        if (seen.has(name))
          problems.push({ path: `${path}.${kind}.${field}[${i}].name`, message: `${name} is there twice` });
        if (name && !pathStyle.test(name))
          problems.push({
            path: `${path}.${kind}.${field}[${i}].name`,
            message: `${JSON.stringify(name)} must be of letters, digits, -, _ and .`,
          });
        seen.add(name);
      }
    }
  }
}

function followInvocation(walk: Walk, step: Invocation, context: TemplateContext, path: string): void {
  const { problems } = walk;
  const loops = [step.withItems, step.withParam, step.withSequence].filter((loop) => loop !== undefined).length;
  if (loops > 1) problems.push({ path, message: "only one of withItems, withParam and withSequence may be given" });
  follow(walk, step, context, path, step.arguments ?? {});
  for (const [name, hook] of Object.entries(step.hooks ?? {})) followHook(walk, hook, context, `${path}.hooks.${name}`);
  if (step.onExit) follow(walk, { template: step.onExit }, context, `${path}.onExit`);
}

/** Names of steps or tasks in tags must be of those that come before. */
function checkMentions(
  step: Invocation,
  prefix: "steps" | "tasks",
  known: Set<string>,
  path: string,
  problems: Problem[],
): void {
  const { hooks: _, inline: _inline, ...own } = step;
  const text = JSON.stringify(own);
  const pattern = new RegExp(`\\{\\{\\s*${prefix}\\.([\\w-]+)\\.`, "g");
  for (const name of new Set([...text.matchAll(pattern)].map(([, name]) => name as string))) {
    if (known.has(name) || name === "name") continue;
    const near = nearest(name, known);
    problems.push({
      path,
      message: `{{${prefix}.${name}…}} is not a ${prefix.slice(0, -1)} before this one${near ? `; did you mean ${near}?` : ""}`,
    });
  }
}

function visitDag(walk: Walk, template: Template, context: TemplateContext, path: string): void {
  const { problems } = walk;
  const tasks = template.dag?.tasks ?? [];
  checkNames(tasks, `${path}.dag.tasks`, problems);
  const names = new Set(tasks.map(({ name }) => name));
  const needs = new Map<string, string[]>();
  for (const [i, task] of tasks.entries()) {
    const at = `${path}.dag.tasks[${i}]`;
    if (task.depends && task.dependencies?.length)
      problems.push({ path: at, message: "only one of depends and dependencies may be given" });
    let wanted: string[] = [];
    try {
      wanted = [
        ...tasksOf(task.depends ? parseDepends(task.depends) : dependsOf(task.dependencies ?? [], () => undefined)),
      ];
    } catch (error) {
      problems.push({ path: `${at}.depends`, message: (error as Error).message });
    }
    for (const need of wanted.filter((name) => !names.has(name))) {
      const near = nearest(need, names);
      problems.push({
        path: `${at}.${task.depends ? "depends" : "dependencies"}`,
        message: `there is no task ${need}${near ? `; did you mean ${near}?` : ""}`,
      });
    }
    needs.set(
      task.name,
      wanted.filter((name) => names.has(name)),
    );
  }
  const cycle = findCycle(needs);
  if (cycle) problems.push({ path: `${path}.dag.tasks`, message: `cycle: ${cycle.join(" → ")}` });
  for (const [i, task] of tasks.entries()) {
    const at = `${path}.dag.tasks[${i}]`;
    if (!cycle) checkMentions(task, "tasks", ancestors(task.name, needs), at, problems);
    followInvocation(walk, task, context, at);
  }
  for (const target of template.dag?.target?.trim().split(/\s+/).filter(Boolean) ?? []) {
    if (!names.has(target) && !isTagged(target))
      problems.push({ path: `${path}.dag.target`, message: `there is no task ${target}` });
  }
}

function ancestors(task: string, needs: Map<string, string[]>): Set<string> {
  const found = new Set<string>();
  const open = [...(needs.get(task) ?? [])];
  while (open.length > 0) {
    const next = open.pop() as string;
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(needs.get(next) ?? []));
  }
  return found;
}

function findCycle(needs: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  for (const start of needs.keys()) {
    const path: string[] = [];
    const open: { name: string; enter: boolean }[] = [{ name: start, enter: true }];
    while (open.length > 0) {
      const { name, enter } = open.pop() as { name: string; enter: boolean };
      if (!enter) {
        path.pop();
        done.add(name);
        continue;
      }
      const at = path.indexOf(name);
      if (at >= 0) return [...path.slice(at), name];
      if (done.has(name)) continue;
      path.push(name);
      open.push({ name, enter: false });
      for (const need of needs.get(name) ?? []) open.push({ name: need, enter: true });
    }
  }
  return undefined;
}
