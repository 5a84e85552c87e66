// What is written in one of the languages must at least be readable.
import type { Template, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { expressionsIn } from "../engine/substitute.ts";
import { checkExpressionText, ExpressionError, parseConditions, parseJsonPath } from "../expressions/index.ts";
import type { Problem } from "./shape.ts";

function check(read: () => void, path: string, problems: Problem[]): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    problems.push({ path, message: error.message });
  }
}

/** Fields that hold an expression, whatever they are part of. */
const expressionFields = new Set(["expression", "fromExpression"]);

/** Expressions, in tags or in fields of their own, everywhere in a spec. */
export function checkLanguages(spec: WorkflowSpec, path: string, problems: Problem[]): void {
  walk(spec, path, problems);
  for (const [i, template] of (spec.templates ?? []).entries())
    checkTemplate(template, `${path}.templates[${i}]`, problems);
}

function walk(value: unknown, path: string, problems: Problem[]): void {
  if (typeof value === "string") {
    for (const source of expressionsIn(value)) check(() => checkExpressionText(source), path, problems);
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) walk(item, `${path}[${i}]`, problems);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const isField = expressionFields.has(key) && typeof item === "string" && !item.includes("{{");
      if (isField) check(() => checkExpressionText(item), `${path}.${key}`, problems);
      else walk(item, `${path}.${key}`, problems);
    }
  }
}

const isTagged = (text: string) => text.includes("{{");

function checkTemplate({ resource, outputs }: Template, path: string, problems: Problem[]): void {
  for (const field of ["successCondition", "failureCondition"] as const) {
    const text = resource?.[field];
    if (text && !isTagged(text)) check(() => parseConditions(text), `${path}.resource.${field}`, problems);
  }
  for (const [i, { valueFrom }] of (outputs?.parameters ?? []).entries()) {
    const text = valueFrom?.jsonPath;
    if (text && !isTagged(text))
      check(() => parseJsonPath(text), `${path}.outputs.parameters[${i}].valueFrom.jsonPath`, problems);
  }
}
