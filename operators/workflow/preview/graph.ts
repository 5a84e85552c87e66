// What a workflow would do, before it does: one section for each template of steps or tasks, with loops unrolled where
// their items are known.
import type { DAGTask, Invocation, Parameter, Template, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { joinSpecs } from "../engine/globals.ts";
import { expand, isLoop } from "../engine/items.ts";
import { Scope } from "../engine/scope.ts";
import { substitute } from "../engine/substitute.ts";
import {
  localContext,
  resolveTemplate,
  type TemplateContext,
  type TemplateSources,
  typeOf,
} from "../engine/templates.ts";
import { ExpressionError, evaluateWhen, parseDepends, tasksOf } from "../expressions/index.ts";
import { typesOf, workflowTypes } from "../parameter-types/index.ts";
import type { GetTemplates } from "../validate/index.ts";

export interface PreviewTask {
  id: string;
  /** The task's name, and `×N` for a loop. */
  title: string;
  /** Its template, items, condition and arguments, a line each. */
  lines: string[];
  /** The type of its template; `missing` when that is in none of the files. */
  kind: string;
  /** Title of the section that shows its template. */
  inner?: string;
  /** Its condition is known to be false. */
  skipped: boolean;
}
export interface PreviewSection {
  title: string;
  tasks: PreviewTask[];
  /** IDs: what follows what. */
  edges: [string, string][];
}
export interface Preview {
  name: string;
  parameters: [name: string, value: string][];
  sections: PreviewSection[];
  /** Templates of the workflow's exit handler and hooks, by hook. */
  hooks: [hook: string, template: string][];
}

/** Most templates that are shown. */
const sectionLimit = 200;

/** @param get the templates that references lead to. @throws ExpressionError for an entrypoint that is not there. */
export function previewWorkflow(workflow: Workflow, get: GetTemplates): Preview {
  const ref = workflow.spec.workflowTemplateRef;
  const referred = ref && get(ref.clusterScope ? "cluster" : "namespaced", ref.name ?? "");
  if (ref && !referred)
    throw new ExpressionError(`spec.workflowTemplateRef: template ${ref.name} is in none of the files`);
  const spec: WorkflowSpec = referred ? joinSpecs(workflow.spec, referred) : workflow.spec;
  const name = workflow.metadata.name || workflow.metadata.generateName || "workflow";
  const named = { ...workflow, metadata: { ...workflow.metadata, name } };
  const drawing = new Preparation(named, spec, get);
  const hooks = Object.entries(spec.hooks ?? {}).map(([hook, { template, templateRef }]): [string, string] => {
    return [hook, template ?? `${templateRef?.name}/${templateRef?.template}`];
  });
  return {
    name,
    parameters: drawing.parameters,
    sections: drawing.sections(),
    hooks: [...(spec.onExit ? [["exit", spec.onExit] as [string, string]] : []), ...hooks],
  };
}

class Preparation {
  readonly parameters: [string, string][];
  readonly #spec: WorkflowSpec;
  readonly #sources: TemplateSources;
  readonly #root: TemplateContext;
  readonly #scope = new Scope();
  /** Sections that are still to be made, by title. */
  readonly #open = new Map<string, { template: Template; context: TemplateContext }>();

  constructor(workflow: Workflow, spec: WorkflowSpec, get: GetTemplates) {
    this.#spec = spec;
    this.#sources = { workflow, spec, templates: get };
    this.#root = localContext(workflow);
    const given = spec.arguments?.parameters ?? [];
    const types = workflowTypes({ metadata: workflow.metadata, spec });
    this.parameters = given.map(({ name, value, default: otherwise }) => {
      const [type] = typesOf(types, name);
      return [type ? `${name} (${type.type})` : name, String(value ?? otherwise ?? "?")];
    });
    this.#scope.set("workflow.name", workflow.metadata.name);
    this.#scope.set("workflow.namespace", workflow.metadata.namespace ?? "default");
    for (const { name, value, default: otherwise } of given) {
      const known = value ?? otherwise;
      if (known !== undefined) this.#scope.set(`workflow.parameters.${name}`, String(known));
    }
  }

  sections(): PreviewSection[] {
    const reference = { template: this.#spec.entrypoint ?? "" };
    const { template, context } = resolveTemplate(reference, this.#root, this.#sources);
    const title = reference.template;
    if (!isComposite(template)) {
      const task = { id: title, title, lines: [typeOf(template) ?? ""], kind: typeOf(template) ?? "", skipped: false };
      return [{ title, tasks: [task], edges: [] }];
    }
    this.#open.set(title, { template, context });
    const made: PreviewSection[] = [];
    // Sections that are found on the way are added to what is gone through.
    for (const [name, one] of this.#open) {
      if (made.length >= sectionLimit)
        throw new ExpressionError(`there are more than ${sectionLimit} templates to show`);
      made.push(this.#section(name, one.template, one.context));
    }
    return made;
  }

  #section(title: string, template: Template, context: TemplateContext): PreviewSection {
    const scope = new Scope(this.#scope);
    // What is given to it differs from place to place; what it has of its own does not.
    for (const { name, value } of template.inputs?.parameters ?? [])
      if (value !== undefined) scope.set(`inputs.parameters.${name}`, String(value));
    if (template.dag) {
      const tasks = template.dag.tasks;
      return {
        title,
        tasks: tasks.map((task) => this.#task(task, task.name, context, scope)),
        edges: tasks.flatMap((task) => needsOf(task).map((need): [string, string] => [need, task.name])),
      };
    }
    const groups = (template.steps ?? []).map((steps, index) =>
      steps.map((step) => this.#task(step, `${index}.${step.name}`, context, scope)),
    );
    const edges = groups.flatMap((group, index) =>
      group.flatMap(({ id }) => (groups[index - 1] ?? []).map((before): [string, string] => [before.id, id])),
    );
    return { title, tasks: groups.flat(), edges };
  }

  #task(raw: Invocation, id: string, context: TemplateContext, scope: Scope): PreviewTask {
    const invocation = filled(raw, scope);
    const lines: string[] = [];
    const { title, items } = loopOf(invocation);
    const found = this.#template(raw, context);
    lines.push(found.name);
    if (items) lines.push(items);
    if (invocation.when) lines.push(`when ${invocation.when}`);
    lines.push(...argumentsOf(invocation.arguments?.parameters ?? []));
    const retry = found.template?.retryStrategy;
    if (retry) lines.push(`retries ${retry.limit ?? "without limit"}`);
    return {
      id,
      title,
      lines,
      kind: found.template ? (typeOf(found.template) ?? "") : "missing",
      skipped: isFalse(invocation.when),
      ...(found.inner ? { inner: found.inner } : {}),
    };
  }

  #template(raw: Invocation, from: TemplateContext): { name: string; template?: Template; inner?: string } {
    const { templateRef: ref } = raw;
    const name = ref ? `${ref.name}/${ref.template}` : (raw.template ?? `${raw.name} (inline)`);
    try {
      const { template, context } = resolveTemplate(raw, from, this.#sources);
      if (!isComposite(template)) return { name, template };
      const known = this.#open.get(name);
      const inner = known && known.template !== template ? `${name} in ${context.scope}` : name;
      if (!this.#open.has(inner)) this.#open.set(inner, { template, context });
      return { name, template, inner };
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return { name };
    }
  }
}

/** With the values that are known; whoever checks the workflow says which expressions are wrong. */
function filled(raw: Invocation, scope: Scope): Invocation {
  try {
    return substitute(raw, scope);
  } catch (error) {
    if (error instanceof ExpressionError) return raw;
    throw error;
  }
}

const isComposite = (template: Template) => template.dag !== undefined || template.steps !== undefined;

function needsOf({ depends, dependencies }: DAGTask): string[] {
  return depends ? [...tasksOf(parseDepends(depends))] : (dependencies ?? []);
}

/** How many times it runs, and on what. */
function loopOf(invocation: Invocation): { title: string; items?: string } {
  if (!isLoop(invocation)) return { title: invocation.name };
  try {
    const names = expand(invocation, new Scope()).map(({ name }) => name.slice(name.indexOf(":") + 1, -1));
    return { title: `${invocation.name} ×${names.length}`, items: `each of ${names.join(", ")}` };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const source = invocation.withParam ?? JSON.stringify(invocation.withItems ?? invocation.withSequence);
    return { title: `${invocation.name} ×N`, items: `each of ${source}` };
  }
}

function argumentsOf(parameters: Parameter[]): string[] {
  return parameters.flatMap(({ name, value }) => (value === undefined ? [] : [`${name} = ${value}`]));
}

/** Known to be false: nothing in it is still to come. */
function isFalse(when: string | undefined): boolean {
  if (!when || when.includes("{{")) return false;
  try {
    return !evaluateWhen(when);
  } catch (error) {
    // Whoever checks the workflow says what is wrong with it.
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}
