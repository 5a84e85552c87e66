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
import { ExpressionError } from "../expressions/index.ts";
import { checkArguments, checkSupplied } from "./arguments.ts";
import { checkBody } from "./bodies.ts";
import { ancestorsOf, checkTasks } from "./dag.ts";
import { globalScope } from "./global-tags.ts";
import type { Problem } from "./shape.ts";
import { addItems, addOutputs, checkTags, scopeOf, type TagScope } from "./tags.ts";

export type GetTemplates = (scope: "namespaced" | "cluster", name: string) => WorkflowSpec | undefined;

interface Walk {
  workflow: Workflow;
  spec: WorkflowSpec;
  get: GetTemplates;
  problems: Problem[];
  /** Templates seen, by scope and name. */
  seen: Map<string, Template>;
  globals: TagScope;
}

/** Every template that a run can reach, by `scope/name`; problems on the way are added. */
export function followReferences(
  workflow: Workflow,
  spec: WorkflowSpec,
  get: GetTemplates,
  problems: Problem[],
  { template: isTemplate = false }: { template?: boolean } = {},
): Map<string, Template> {
  const globals = globalScope(workflow, spec, get, isTemplate);
  const walk: Walk = { workflow, spec, get, problems, seen: new Map(), globals };
  const context = localContext(workflow);
  if (spec.entrypoint) {
    follow(
      walk,
      { template: spec.entrypoint },
      context,
      "spec.entrypoint",
      isTemplate ? undefined : (spec.arguments ?? {}),
    );
  } else if (!isTemplate) problems.push({ path: "spec.entrypoint", message: "is required" });
  if (spec.onExit) follow(walk, { template: spec.onExit }, context, "spec.onExit");
  for (const [name, hook] of Object.entries(spec.hooks ?? {})) followHook(walk, hook, context, `spec.hooks.${name}`);
  checkNames(spec.templates ?? [], "spec.templates", problems, /^[a-zA-Z0-9][-a-zA-Z0-9_.]*$/);
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
  if (isTagged(template) || isTagged(templateRef?.name)) return undefined;
  if (templateRef && isTagged(templateRef.template)) {
    const { name = "", clusterScope } = templateRef;
    const kind = clusterScope ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
    if (!walk.get(clusterScope ? "cluster" : "namespaced", name))
      walk.problems.push({ path: `${path}.templateRef`, message: `${kind} ${name} not found` });
    return undefined;
  }
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
  const args = path === "spec.entrypoint" ? "spec.arguments" : `${path}.arguments`;
  if (given) checkSupplied(found.template, given, args, walk.problems);
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

const stepStyle = /^[a-zA-Z0-9][-a-zA-Z0-9_]*$/;

function checkNames(items: { name?: string }[], path: string, problems: Problem[], style = stepStyle): void {
  const seen = new Set<string>();
  for (const [i, { name }] of items.entries()) {
    if (!name) problems.push({ path: `${path}[${i}].name`, message: "is required" });
    else if (seen.has(name)) problems.push({ path: `${path}[${i}].name`, message: `${name} is there twice` });
    else if (!style.test(name) || name.length > 128) {
      problems.push({
        path: `${path}[${i}].name`,
        message: `${JSON.stringify(name)} must be of letters, digits, - and _, 128 at most`,
      });
    }
    if (name) seen.add(name);
  }
}

function visit(walk: Walk, { template, context }: ResolvedTemplate, key: string, path: string): void {
  if (walk.seen.has(key)) return;
  walk.seen.set(key, template);
  const { problems } = walk;
  const types = templateTypes.filter((type) => template[type] !== undefined);
  if (types.length === 0) {
    problems.push({ path, message: `one of ${templateTypes.slice(0, 7).join(", ")} is required` });
  } else if (types.length > 1) problems.push({ path, message: `only one of ${types.join(", ")} may be given` });
  checkBody(template, walk.spec.templateDefaults, path, problems);
  const scope = scopeOf(template, walk.globals);
  if (template.steps) visitSteps(walk, template, context, path, scope);
  else if (template.dag) visitDag(walk, template, context, path, scope);
  else {
    // What is inside of an inline template may be named where it stands.
    if (path.endsWith(".inline")) return;
    checkTags(template, scope, path, problems);
  }
}

function visitSteps(walk: Walk, template: Template, context: TemplateContext, path: string, scope: TagScope): void {
  const { problems } = walk;
  const names = new Set<string>();
  for (const [i, group] of (template.steps ?? []).entries()) {
    const steps = Array.isArray(group) ? group : [];
    const earlier = new Set(names);
    for (const step of steps) {
      if (earlier.has(step.name))
        problems.push({ path: `${path}.steps[${i}]`, message: `${step.name} is there twice` });
      names.add(step.name);
    }
    checkNames(steps, `${path}.steps[${i}]`, problems);
    const resolved = steps.map((step, j) => followInvocation(walk, step, context, `${path}.steps[${i}][${j}]`));
    for (const [j, step] of steps.entries()) {
      const at = `${path}.steps[${i}][${j}]`;
      const own = new Set(scope);
      addItems(own, step);
      if (step.hooks || step.onExit) addOutputs(own, `steps.${step.name}`, resolved[j]?.template, step);
      if (checkMentions(step, "steps", () => earlier, at, problems)) checkStepTags(step, own, at, problems);
    }
    for (const [j, step] of steps.entries()) addOutputs(scope, `steps.${step.name}`, resolved[j]?.template, step);
  }
  checkOwnTags(template, scope, path, problems);
}

/** Tags of a step but for those inside of its inline template, which has inputs of its own. */
function checkStepTags(step: Invocation, scope: TagScope, path: string, problems: Problem[]): void {
  const { inline, ...own } = step;
  checkTags(own, scope, path, problems);
  if (!inline || inline.steps || inline.dag) return;
  checkTags(inline, scopeOf(inline, scope), `${path}.inline`, problems);
}

/** Tags of a body's own fields. */
function checkOwnTags({ outputs, dag }: Template, scope: TagScope, path: string, problems: Problem[]): void {
  checkTags(outputs, scope, `${path}.outputs`, problems);
  checkTags(dag?.target, scope, `${path}.dag.target`, problems);
}

function followInvocation(
  walk: Walk,
  step: Invocation,
  context: TemplateContext,
  path: string,
): ResolvedTemplate | undefined {
  const { problems } = walk;
  const loops = [step.withItems, step.withParam, step.withSequence].filter((loop) => loop !== undefined).length;
  if (loops > 1) problems.push({ path, message: "only one of withItems, withParam and withSequence may be given" });
  const { count, end } = step.withSequence ?? {};
  if (count !== undefined && end !== undefined) {
    problems.push({ path: `${path}.withSequence`, message: "only one of count and end may be given" });
  }
  checkArguments(step.arguments, `${path}.arguments`, false, problems);
  const found = follow(walk, step, context, path, step.arguments ?? {});
  for (const [name, hook] of Object.entries(step.hooks ?? {})) followHook(walk, hook, context, `${path}.hooks.${name}`);
  if (step.onExit) follow(walk, { template: step.onExit }, context, `${path}.onExit`);
  return found;
}

/** Names of steps or tasks in tags must be of those that come before. Answers whether all are. */
function checkMentions(
  step: Invocation,
  prefix: "steps" | "tasks",
  before: () => Set<string>,
  path: string,
  problems: Problem[],
): boolean {
  const { hooks: _, inline: _inline, ...own } = step;
  const text = JSON.stringify(own);
  const pattern = new RegExp(`\\{\\{\\s*${prefix}\\.([\\w-]+)\\.`, "g");
  const names = new Set([...text.matchAll(pattern)].map(([, name]) => name as string));
  if (names.size === 0) return true;
  const known = before();
  const foreign = [...names].filter((name) => !known.has(name) && name !== "name");
  for (const name of foreign) {
    const near = nearest(name, known);
    problems.push({
      path,
      message: `{{${prefix}.${name}…}} is not a ${prefix.slice(0, -1)} before this one${near ? `; did you mean ${near}?` : ""}`,
    });
  }
  return foreign.length === 0;
}

function visitDag(walk: Walk, template: Template, context: TemplateContext, path: string, scope: TagScope): void {
  const { problems } = walk;
  const tasks = template.dag?.tasks ?? [];
  checkNames(tasks, `${path}.dag.tasks`, problems);
  const { needs, cyclic } = checkTasks(template, path, problems);
  const resolved = tasks.map((task, i) => followInvocation(walk, task, context, `${path}.dag.tasks[${i}]`));
  for (const [i, task] of tasks.entries()) addOutputs(scope, `tasks.${task.name}`, resolved[i]?.template, task);
  for (const [i, task] of tasks.entries()) {
    const at = `${path}.dag.tasks[${i}]`;
    if (!cyclic && !checkMentions(task, "tasks", () => ancestorsOf(task.name, needs), at, problems)) continue;
    // A scope is as long as its body.
    const own = task.withItems || task.withParam ? new Set(scope) : scope;
    addItems(own, task);
    checkStepTags(task, own, at, problems);
  }
  checkOwnTags(template, scope, path, problems);
}
