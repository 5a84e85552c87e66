import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "@capstan/api/generated/admissionregistration-v1";
import { ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings } from "@capstan/api/generated/resources";
import { type Reason, reasons, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { type Authorizer, forbiddenObject } from "../../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../../request.ts";
import { isExempt, namespaceMatches, objectMatches } from "../matching.ts";
import { matchRules, type Sight, seenBy } from "../sight.ts";
import { toExpressionValue, variablesOf } from "./conditions.ts";
import { checkConfiguration } from "./definition.ts";
import { type Evaluation, evaluatePolicy } from "./evaluation.ts";
import { findParams, UnknownParamKind } from "./params.ts";

/** Policies in CEL: written in the cluster, no server to ask. Source: apiserver's plugin/policy/validating. */
export function createAdmissionPolicies(view: View, authorize: Authorizer): AdmissionPlugin {
  return {
    name: "ValidatingAdmissionPolicy",
    validate: async (attributes) => {
      checkConfiguration(attributes);
      const bindings = view.list(ValidatingAdmissionPolicyBindings);
      if (bindings.length === 0 || isExempt(attributes)) return;
      const denials: Denial[] = [];
      const published = new Map<string, string[]>();
      for (const binding of bindings) {
        const policy = view.get(ValidatingAdmissionPolicies, { name: binding.spec.policyName ?? "" });
        const sight = policy && sightOf(view, policy, binding, attributes);
        if (!sight) continue;
        const seen = await seenBy(sight, attributes);
        const judged = judge({ view, authorize, policy, binding, attributes, seen });
        denials.push(...judged.flatMap((evaluation) => act(evaluation, policy, binding, attributes)));
        for (const { key, value } of judged.flatMap(({ annotations }) => annotations)) {
          const name = `${policy.metadata.name}/${key}`;
          const values = published.get(name) ?? [];
          if (!values.includes(value)) published.set(name, [...values, value.slice(0, annotationLimit)]);
        }
      }
      for (const [name, values] of published) attributes.annotate?.(name, values.join(", "));
      const [first] = denials;
      if (first) throw refusal(first, attributes);
    },
  };
}

/** Characters of an audit annotation's value. */
const annotationLimit = 10 * 1024;

interface Denial {
  /** Whose it is: the policy, and the binding where there is one. */
  by: string;
  message: string;
  reason: Reason;
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

interface Case {
  view: View;
  authorize: Authorizer;
  policy: ValidatingAdmissionPolicy;
  binding: ValidatingAdmissionPolicyBinding;
  attributes: Attributes;
  /** The write in the version that the policy is about. */
  seen: Attributes;
}

/** One evaluation for each object of parameters. What is wrong with the policy itself is a failure. */
function judge({ view, authorize, policy, binding, attributes, seen }: Case): Evaluation[] {
  const { paramKind, failurePolicy } = policy.spec;
  try {
    const params = findParams(view, paramKind, binding.spec.paramRef, attributes);
    if (params.length === 0) return [];
    const variables = variablesOf(view, authorize, seen, attributes);
    return params.map((one) => evaluatePolicy(policy, { ...variables, params: toExpressionValue(one ?? null) }));
  } catch (error) {
    if (failurePolicy === "Ignore") return [];
    const of = error instanceof UnknownParamKind ? "policy" : "binding";
    return [{ findings: [], annotations: [], failures: [`failed to configure ${of}: ${messageOf(error)}`] }];
  }
}

/** Warns and annotates as the binding says; returns what denies. */
function act(
  { findings, failures }: Evaluation,
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  attributes: Attributes,
): Denial[] {
  const actions = binding.spec.validationActions ?? [];
  const said = `ValidatingAdmissionPolicy '${policy.metadata.name}'`;
  const by = `${said} with binding '${binding.metadata.name}'`;
  const denials: Denial[] = [];
  for (const { message, reason, index } of findings) {
    if (actions.includes("Deny")) denials.push({ by, message, reason });
    if (actions.includes("Warn")) attributes.warn(`Validation failed for ${by}: ${message}`);
    if (actions.includes("Audit")) {
      const failure = {
        message,
        policy: policy.metadata.name,
        binding: binding.metadata.name,
        expressionIndex: index,
        validationActions: actions,
      };
      attributes.annotate?.("validation.policy.admission.k8s.io/validation_failure", JSON.stringify([failure]));
    }
  }
  for (const message of failures) {
    denials.push({ by: message.startsWith("failed to configure policy") ? said : by, message, reason: "Invalid" });
  }
  return denials;
}

function refusal({ by, message, reason }: Denial, { info, name }: Attributes): StatusError {
  const text = `${by} denied request: ${message}`;
  const refused = forbiddenObject(info, name, text);
  const code = reasons[reason];
  return new StatusError(reason, refused.message, { ...refused.details, causes: [{ message: text }] }, code);
}
