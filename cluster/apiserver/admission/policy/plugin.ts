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
import { isExempt, namespaceMatches, objectMatches, ruleMatches } from "../matching.ts";
import { compile, conditionsHold, expressionCause, toExpressionValue, variablesOf, withinLimit } from "./conditions.ts";
import { findParams } from "./params.ts";

/** Policies in CEL: written in the cluster, no server to ask. Source: apiserver's plugin/policy/validating. */
export function createAdmissionPolicies(view: View): AdmissionPlugin {
  return {
    name: "ValidatingAdmissionPolicy",
    validate: (attributes) => {
      checkExpressions(attributes);
      const bindings = view.list(ValidatingAdmissionPolicyBindings);
      if (bindings.length === 0 || isExempt(attributes)) return;
      for (const binding of bindings) {
        const policy = view.get(ValidatingAdmissionPolicies, { name: binding.spec.policyName ?? "" });
        if (policy && applies(view, policy, binding, attributes)) apply(view, policy, binding, attributes);
      }
    },
  };
}

function applies(
  view: View,
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  attributes: Attributes,
): boolean {
  const rules = policy.spec.matchConstraints?.resourceRules ?? [];
  if (!rules.some((rule) => ruleMatches(rule, attributes)) || !selected(view, policy.spec.matchConstraints, attributes))
    return false;
  const narrower = binding.spec.matchResources;
  if (narrower?.resourceRules?.length && !narrower.resourceRules.some((rule) => ruleMatches(rule, attributes)))
    return false;
  return selected(view, narrower, attributes);
}

function selected(view: View, match: MatchResources | undefined, attributes: Attributes): boolean {
  if (!match) return true;
  if (match.excludeResourceRules?.some((rule) => ruleMatches(rule, attributes))) return false;
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
): void {
  const findings: Finding[] = [];
  try {
    const variables = variablesOf(view, attributes);
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
