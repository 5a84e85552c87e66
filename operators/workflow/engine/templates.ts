// Finds templates: the workflow's own, those of WorkflowTemplates, and inline ones.
import type { LifecycleHook, Template, TemplateRef, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { nearest } from "@capstan/base/errors";
import { ExpressionError } from "../expressions/index.ts";

/** How a template is named at one place. */
export interface Reference {
  name?: string;
  template?: string;
  templateRef?: TemplateRef;
  inline?: Template;
}
export const hookReference = ({ template, templateRef }: LifecycleHook): Reference => ({
  ...(template ? { template } : {}),
  ...(templateRef ? { templateRef } : {}),
});

/** From where names are looked up. */
export interface TemplateContext {
  /** `local/<workflow>`, `namespaced/<name>` or `cluster/<name>`. */
  scope: string;
}

export interface TemplateSources {
  workflow: Workflow;
  spec: WorkflowSpec;
  templates(scope: "namespaced" | "cluster", name: string): WorkflowSpec | undefined;
  /** Copies taken when a template was first used, so that later edits do not change a running workflow. */
  stored?: Record<string, Template>;
  store?(key: string, template: Template): void;
}

export interface ResolvedTemplate {
  context: TemplateContext;
  template: Template;
}

export const localContext = (workflow: Workflow): TemplateContext => ({ scope: `local/${workflow.metadata.name}` });

/** @throws ExpressionError that names what was not found, and the nearest name there is. */
export function resolveTemplate(
  reference: Reference,
  context: TemplateContext,
  sources: TemplateSources,
): ResolvedTemplate {
  const found = find(reference, context, sources);
  const defaults = sources.spec.templateDefaults;
  return defaults ? { ...found, template: withDefaults(found.template, defaults) } : found;
}

function find(reference: Reference, context: TemplateContext, sources: TemplateSources): ResolvedTemplate {
  if (reference.inline) return { context, template: reference.inline };
  const { templateRef } = reference;
  if (templateRef) {
    const { name, template, clusterScope } = templateRef;
    if (!name) throw new ExpressionError("templateRef.name is required");
    if (!template) throw new ExpressionError("templateRef.template is required");
    return remote(clusterScope ? "cluster" : "namespaced", name, template, sources);
  }
  if (!reference.template) throw new ExpressionError("template, templateRef or inline is required");
  const [scope = "local", name = ""] = context.scope.split("/");
  if (scope === "namespaced" || scope === "cluster") return remote(scope, name, reference.template, sources);
  return { context, template: among(sources.spec.templates, reference.template, "the workflow") };
}

function remote(scope: "namespaced" | "cluster", name: string, template: string, sources: TemplateSources) {
  const context = { scope: `${scope}/${name}` };
  const key = `${scope}/${name}/${template}`;
  const stored = sources.stored?.[key];
  if (stored) return { context, template: stored };
  const spec = sources.templates(scope, name);
  const kind = scope === "cluster" ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
  if (!spec) throw new ExpressionError(`${kind} ${name} not found`);
  const found = among(spec.templates, template, `${kind} ${name}`);
  const whole = spec.templateDefaults ? withDefaults(found, spec.templateDefaults) : found;
  sources.store?.(key, whole);
  return { context, template: whole };
}

function among(templates: Template[] | undefined, name: string, where: string): Template {
  const found = templates?.find((template) => template.name === name);
  if (found) return found;
  const near = nearest(
    name,
    (templates ?? []).flatMap((template) => template.name ?? []),
  );
  throw new ExpressionError(`template ${name} not found in ${where}${near ? `; did you mean ${near}?` : ""}`);
}

export const templateTypes = [
  "container",
  "script",
  "steps",
  "dag",
  "suspend",
  "resource",
  "containerSet",
  "http",
  "data",
  "plugin",
] as const;
export type TemplateType = (typeof templateTypes)[number];

export function typeOf(template: Template): TemplateType | undefined {
  return templateTypes.find((type) => template[type] !== undefined);
}
/** Whether the executor itself is the pod's only container, as main. */
export function isExecutorsOwn(template: Template): boolean {
  return ["resource", "data"].includes(typeOf(template) ?? "");
}
/** Whether a template runs as a pod. */
export function runsAsPod(template: Template): boolean {
  return ["container", "script", "resource", "containerSet", "data"].includes(typeOf(template) ?? "");
}

const merged = new WeakMap<Template, Template>();

/** What the template does not say, the defaults do; a type of body only where it is the template's own. */
function withDefaults(template: Template, defaults: Template): Template {
  const known = merged.get(template);
  if (known) return known;
  const type = typeOf(template);
  const usable = Object.fromEntries(
    Object.entries(defaults).filter(([key]) => !(templateTypes as readonly string[]).includes(key) || key === type),
  );
  const result = deepMerge(usable, template as Record<string, unknown>) as Template;
  merged.set(template, result);
  return result;
}

function deepMerge(under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (!isPlain(under) || !isPlain(over)) return over;
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) result[key] = deepMerge(under[key], value);
  return result;
}
const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
