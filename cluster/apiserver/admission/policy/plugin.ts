import type {
  MatchResources,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "@capstan/api/generated/admissionregistration-v1";
import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings } from "@capstan/api/generated/resources";
import { invalid, type KubeObject, type Reason, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { forbiddenObject } from "../../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../../request.ts";
import { isExempt, namespaceMatches, objectMatches } from "../matching.ts";
import { matchRules, type Sight, seenBy } from "../sight.ts";
import { compile, conditionsHold, expressionCause, toExpressionValue, variablesOf, withinLimit } from "./conditions.ts";
import { findParams } from "./params.ts";

/** Policies in CEL: written in the cluster, no server to ask. Source: apiserver's plugin/policy/validating. */
export function createAdmissionPolicies(view: View): AdmissionPlugin {
  return {
    name: "ValidatingAdmissionPolicy",
    validate: async (attributes) => {
      checkExpressions(attributes);
      const bindings = view.list(ValidatingAdmissionPolicyBindings);
      if (bindings.length === 0 || isExempt(attributes)) return;
      for (const binding of bindings) {
        const policy = view.get(ValidatingAdmissionPolicies, { name: binding.spec.policyName ?? "" });
        const sight = policy && sightOf(view, policy, binding, attributes);
        if (sight) apply(view, policy, binding, attributes, await seenBy(sight, attributes));
      }
    },
  };
}

/** How a policy sees a write; undefined when it, or its binding, is about others. */
function sightOf(
  view: View,
  { spec }: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  attributes: Attributes,
): Sight | undefined {
  const { matchConstraints: match } = spec;
  const sight = matchRules(view, { rules: match?.resourceRules, matchPolicy: match?.matchPolicy }, attributes);
  if (!sight || !selected(view, match, attributes)) return undefined;
  const narrower = binding.spec.matchResources;
  const rules = narrower?.resourceRules;
  if (rules?.length && !matchRules(view, { rules, matchPolicy: narrower?.matchPolicy }, attributes)) return undefined;
  return selected(view, narrower, attributes) ? sight : undefined;
}

function selected(view: View, match: MatchResources | undefined, attributes: Attributes): boolean {
  if (!match) return true;
  const { excludeResourceRules: rules, matchPolicy } = match;
  if (rules?.length && matchRules(view, { rules, matchPolicy }, attributes)) return false;
  return namespaceMatches(view, match.namespaceSelector, attributes) && objectMatches(match.objectSelector, attributes);
}

/** One finding: what a policy's validation says against a write. */
interface Finding {
  message: string;
  reason: Reason;
}

function apply(
  view: View,
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  attributes: Attributes,
  seen: Attributes,
): void {
  const findings: Finding[] = [];
  try {
    const variables = variablesOf(view, seen, attributes);
    if (!conditionsHold(policy.spec.matchConditions, variables)) return;
    for (const params of findParams(view, policy.spec.paramKind, binding.spec.paramRef, attributes)) {
      const given = { ...variables, params: toExpressionValue(params ?? null) };
      findings.push(...withinLimit(() => evaluate(policy, given)));
    }
  } catch (error) {
    if (policy.spec.failurePolicy === "Ignore") return;
    findings.push({ message: messageOf(error), reason: "Invalid" });
  }
  const [first] = findings;
  if (!first) return;
  const actions = binding.spec.validationActions ?? ["Deny"];
  const said = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
  if (actions.includes("Deny")) {
    const { message, details } = forbiddenObject(
      attributes.info,
      attributes.name,
      `${said} denied request: ${first.message}`,
    );
    throw new StatusError(first.reason, message, details);
  }
  if (actions.includes("Warn"))
    for (const { message } of findings) attributes.warn(`Validation failed for ${said}: ${message}`);
}

function evaluate({ spec }: ValidatingAdmissionPolicy, variables: Record<string, unknown>): Finding[] {
  const own: Record<string, unknown> = {};
  const all = { ...variables, variables: own };
  // Each may use those before it.
  for (const { name, expression } of spec.variables ?? []) own[name] = compile(expression)(all);
  return (spec.validations ?? []).flatMap(({ expression, message, messageExpression, reason }): Finding[] => {
    if (compile(expression)(all) === true) return [];
    const worded = messageExpression ? compile(messageExpression)(all) : undefined;
    const text =
      typeof worded === "string" && worded.trim() !== "" ? worded : (message ?? `failed expression: ${expression}`);
    return [{ message: text, reason: (reason as Reason | undefined) ?? "Invalid" }];
  });
}

/** Refuses expressions that do not compile when they are written, by the field that holds them. */
function checkExpressions({ info, kind, name, object }: Attributes): void {
  if (info.group !== "admissionregistration.k8s.io" || info.subresource !== "" || !object) return;
  const causes = info.resource === "validatingadmissionpolicies" ? policyCauses(object) : webhookCauses(object);
  if (causes.length > 0) throw invalid({ group: kind.group, kind: kind.kind }, name, causes);
}

function policyCauses(object: KubeObject): StatusCause[] {
  const { spec } = object as ValidatingAdmissionPolicy;
  return [
    ...(spec.matchConditions ?? []).flatMap(({ expression }, i) =>
      expressionCause(`spec.matchConditions[${i}].expression`, expression),
    ),
    ...(spec.variables ?? []).flatMap(({ expression }, i) =>
      expressionCause(`spec.variables[${i}].expression`, expression),
    ),
    ...(spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
      ...expressionCause(`spec.validations[${i}].expression`, expression),
      ...expressionCause(`spec.validations[${i}].messageExpression`, messageExpression),
    ]),
  ];
}

function webhookCauses(object: KubeObject): StatusCause[] {
  const { webhooks = [] } = object as MutatingWebhookConfiguration;
  return webhooks.flatMap(({ matchConditions = [] }, w) =>
    matchConditions.flatMap(({ expression }, i) =>
      expressionCause(`webhooks[${w}].matchConditions[${i}].expression`, expression),
    ),
  );
}
