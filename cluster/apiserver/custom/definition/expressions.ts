// Checks the rules of a definition's schema: that they compile, and that they cannot cost too much.
// Source: apiextensions' pkg/apis/apiextensions/validation: validation.go and cel_validation.go.
import type { ValidationRule } from "@capstan/api/generated/apiextensions-v1";
import type { FieldErrors } from "../../field-errors.ts";
import { type Declared, declare, simple } from "../cost/declared.ts";
import { requestSize, ruleEstimateLimit, schemaEstimateLimit } from "../cost/limits.ts";
import { Unfit } from "../cost/unfit.ts";
import { estimateExpression } from "../expressions.ts";
import { resolveFieldPath } from "../field-path.ts";
import { problemOf } from "../problem.ts";
import { rulesOf, usesOld } from "../rules.ts";
import type { Node } from "../structure.ts";

interface Total {
  cost: number;
  expensive: { field: string; cost: number }[];
}

interface Place {
  node: Node;
  field: string;
  /** How many of these one object can have; undefined when nothing bounds it but the size of a request. */
  count: number | undefined;
  whole: boolean;
  /** The schema whose items cannot be told from each other, if this lies within such a one. */
  uncorrelated: string | undefined;
}

/** How many of the most expensive rules are named when all together cost too much. */
const named = 4;

/** @param field path of the schema. */
export function checkSchemaRules(node: Node, field: string, errors: FieldErrors): void {
  const total: Total = { cost: 0, expensive: [] };
  visit({ node, field, count: 1, whole: true, uncorrelated: undefined }, total, errors);
  if (total.cost <= schemaEstimateLimit) return;
  total.expensive.sort((a, b) => b.cost - a.cost);
  for (const { field: at } of total.expensive.slice(0, named)) {
    errors.forbidden(at, "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema");
  }
  const what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
  errors.forbidden(field, exceeds(what, total.cost, schemaEstimateLimit));
}

function visit(place: Place, total: Total, errors: FieldErrors): void {
  const { node, field, count } = place;
  const uncorrelated = place.uncorrelated;
  for (const [name, child] of node.properties) {
    const at = `${field}.properties[${name}]`;
    visit({ node: child, field: at, count, whole: child.embedded, uncorrelated }, total, errors);
  }
  const times = (most: number | undefined) =>
    count === undefined || most === undefined ? undefined : count * Math.max(most, 0);
  if (node.items) {
    const list: Place = {
      node: node.items,
      field: `${field}.items`,
      count: times(node.source.maxItems),
      whole: node.items.embedded,
      uncorrelated: uncorrelated ?? (node.listType === "map" ? undefined : field),
    };
    visit(list, total, errors);
  }
  if (typeof node.additional === "object") {
    const values = node.additional;
    const at = `${field}.additionalProperties`;
    const more = times(node.source.maxProperties);
    visit({ node: values, field: at, count: more, whole: values.embedded, uncorrelated }, total, errors);
  }
  const rules = rulesOf(node);
  if (rules.length > 0) checkRules(place, rules, total, errors);
}

function checkRules(place: Place, rules: ValidationRule[], total: Total, errors: FieldErrors): void {
  const before = errors.causes.length;
  for (const [i, rule] of rules.entries()) {
    checkForm(rule, place.node, `${place.field}.x-kubernetes-validations[${i}]`, errors);
  }
  const self = declare(place.node, place.whole);
  if (errors.causes.length > before || !self) return;
  for (const [i, rule] of rules.entries()) {
    checkRule(place, self, rule, `${place.field}.x-kubernetes-validations[${i}]`, total, errors);
  }
}

const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const breaks = /[\r\n]/;

function checkForm(rule: ValidationRule, node: Node, at: string, errors: FieldErrors): void {
  const { message, messageExpression, reason, fieldPath } = rule;
  const text = rule.rule?.trim() ?? "";
  if (text === "") errors.required(`${at}.rule`, "rule is not specified");
  else if (message && message.trim() === "") errors.invalid(`${at}.message`, message, "must be non-empty if specified");
  else if (message && breaks.test(message.trim()))
    errors.invalid(`${at}.message`, message, "must not contain line breaks");
  else if (breaks.test(text) && !message?.trim())
    errors.required(`${at}.message`, "message must be specified if rule contains line breaks");
  if (messageExpression && messageExpression.trim() === "")
    errors.required(`${at}.messageExpression`, "messageExpression must be non-empty if specified");
  if (reason && !reasons.includes(reason)) errors.notSupported(`${at}.reason`, reason, reasons);
  if (!fieldPath) return;
  if (fieldPath.trim() === "") errors.invalid(`${at}.fieldPath`, fieldPath, "must be non-empty if specified");
  if (breaks.test(fieldPath)) errors.invalid(`${at}.fieldPath`, fieldPath, "must not contain line breaks");
  if (resolveFieldPath(fieldPath, node) === undefined)
    errors.invalid(`${at}.fieldPath`, fieldPath, "must be a valid path");
}

function checkRule(
  { count, uncorrelated }: Place,
  self: Declared,
  rule: ValidationRule,
  at: string,
  total: Total,
  errors: FieldErrors,
): void {
  const observe = (field: string, cost: number, what: string) => {
    if (cost > ruleEstimateLimit) errors.forbidden(field, exceeds(what, cost, ruleEstimateLimit));
    total.cost += cost;
    if (cost >= schemaEstimateLimit / 100) total.expensive.push({ field, cost });
  };
  const oldSelf: Declared = rule.optionalOldSelf ? { ...simple("optional"), element: self } : self;
  const types = {
    root: self,
    variables: new Map([
      ["self", self],
      ["oldSelf", oldSelf],
    ]),
  };
  const times = count ?? Math.floor(requestSize / (self.least + 1));
  try {
    const { cost, type, untyped } = estimateExpression(rule.rule, types);
    observe(`${at}.rule`, cost * times, "estimated rule cost");
    if (type.kind !== "bool" && (type.kind !== "dyn" || untyped))
      errors.invalid(`${at}.rule`, written(rule), "cel expression must evaluate to a bool");
  } catch (thrown) {
    errors.invalid(`${at}.rule`, written(rule), `compilation failed: ${problem(thrown)}`);
  }
  if (rule.messageExpression?.trim()) {
    try {
      const { cost, type } = estimateExpression(rule.messageExpression, types);
      if (type.kind !== "string" && type.kind !== "dyn")
        errors.invalid(`${at}.messageExpression`, written(rule), "messageExpression must evaluate to a string");
      else observe(`${at}.messageExpression`, cost, "estimated messageExpression cost");
    } catch (thrown) {
      errors.invalid(
        `${at}.messageExpression`,
        written(rule),
        `messageExpression compilation failed: ${problem(thrown)}`,
      );
    }
  }
  if (!usesOld(rule)) {
    if (rule.optionalOldSelf !== undefined)
      errors.invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, "may not be set if oldSelf is not used in rule");
  } else if (uncorrelated) {
    const reason = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`;
    errors.invalid(`${at}.rule`, rule.rule, reason);
  }
}

const problem = (thrown: unknown) => (thrown instanceof Unfit ? thrown.message : problemOf(thrown));

/** A rule as errors quote it. */
const written = (rule: ValidationRule) => ({
  Rule: rule.rule,
  Message: rule.message ?? "",
  MessageExpression: rule.messageExpression ?? "",
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? "",
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

function exceeds(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? "more than 100x" : `${factor < 1.5 ? factor.toFixed(6) : factor.toFixed(1)}x`;
  const advice = "try simplifying the rule, or adding maxItems, maxProperties, and maxLength";
  return `${what} exceeds budget by factor of ${shown} (${advice} where arrays, maps, and strings are declared)`;
}
