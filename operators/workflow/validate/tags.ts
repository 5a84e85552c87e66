// What tags may name at one place, and whether all of them do. Source: argo-workflows docs/variables.md.
import type { Invocation, Template } from "@capstan/api/kinds/workflow";
import { nearest } from "@capstan/base/errors";
import { typeOf } from "../engine/templates.ts";
import type { Problem } from "./shape.ts";

/** Names that tags may have; a name that ends in `.*` allows all that begin so. */
export type TagScope = Set<string>;

/** Other prefixes are nobody's business: programs have tags of their own. */
const checked = /^(?:item\.|steps\.|inputs\.|outputs\.|pod\.|workflow\.|tasks\.)/;
/** Known only while it runs. */
const late = /^(?:outputs\.|workflow\.(?:creationTimestamp|scheduledTime|duration)|(?:tasks|steps|node)\.name)/;

const tag = /\{\{([^=}{][^{}]*)\}\}/g;

/** Every tag in the texts of a value must be in the scope. Expressions are looked at when they are computed. */
export function checkTags(value: unknown, scope: TagScope, path: string, problems: Problem[]): void {
  if (typeof value === "string") {
    for (const [whole, inner = ""] of value.matchAll(tag)) {
      const name = inner.trim();
      if (!checked.test(name) || late.test(name) || allows(scope, name)) continue;
      const near = nearest(name, scope);
      problems.push({
        path,
        message: `${whole} names nothing that is there${near ? `; did you mean {{${near}}}?` : ""}`,
      });
    }
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkTags(item, scope, `${path}[${i}]`, problems);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) checkTags(item, scope, `${path}.${key}`, problems);
  }
}

function allows(scope: TagScope, name: string): boolean {
  if (scope.has(name)) return true;
  for (let at = name.lastIndexOf("."); at > 0; at = name.lastIndexOf(".", at - 1)) {
    if (scope.has(`${name.slice(0, at)}.*`)) return true;
  }
  return false;
}

const lateNames = ["retries", "lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message"];

/** What a template's own fields may name. */
export function scopeOf(template: Template, globals: TagScope): TagScope {
  const scope = new Set(globals);
  const type = typeOf(template);
  const isBody = type === "steps" || type === "dag";
  const { parameters = [], artifacts = [] } = template.inputs ?? {};
  if (parameters.length > 0) scope.add("inputs.parameters");
  for (const { name } of parameters) scope.add(`inputs.parameters.${name}`);
  for (const { name } of artifacts) {
    scope.add(`inputs.artifacts.${name}`);
    if (!isBody) scope.add(`inputs.artifacts.${name}.path`);
  }
  if (!isBody && type !== "suspend") scope.add("pod.name");
  if (template.retryStrategy) for (const name of lateNames) scope.add(name);
  return scope;
}

/** Adds what others may name of a step or task. @param template undefined where it is known only when it runs. */
export function addOutputs(scope: TagScope, prefix: string, template: Template | undefined, step: Invocation): void {
  for (const name of ["id", "startedAt", "finishedAt", "hostNodeName", "status"]) scope.add(`${prefix}.${name}`);
  if (!template) {
    scope.add(`${prefix}.*`);
    return;
  }
  if (template.daemon) scope.add(`${prefix}.ip`);
  const { container, script, data, http, plugin, containerSet } = template;
  const set = containerSet?.containers.some(({ name }) => name === "main");
  const loops = Boolean(step.withItems?.length || step.withParam);
  if (container || script || data || http || plugin || set || (loops && containerSet)) {
    scope.add(`${prefix}.outputs.result`);
    scope.add(`${prefix}.exitCode`);
  }
  if (loops) scope.add(`${prefix}.outputs.parameters`);
  for (const { name } of template.outputs?.parameters ?? []) scope.add(`${prefix}.outputs.parameters.${name}`);
  for (const { name } of template.outputs?.artifacts ?? []) scope.add(`${prefix}.outputs.artifacts.${name}`);
}

/** Adds what a loop gives each of its turns. */
export function addItems(scope: TagScope, { withItems, withParam }: Invocation): void {
  if (withParam) scope.add("item.*");
  for (const item of withItems ?? []) {
    if (typeof item === "string" && item.includes("{{")) scope.add("item.*");
    if (typeof item !== "object" || item === null) continue;
    if (Array.isArray(item)) for (const i of item.keys()) scope.add(`item.[${i}]`);
    else for (const key of Object.keys(item)) scope.add(`item.${key}`);
  }
}
