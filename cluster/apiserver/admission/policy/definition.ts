// What policies and their bindings must say. Source: kubernetes/pkg/apis/admissionregistration/validation.
import type {
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from "@capstan/api/generated/admissionregistration-v1";
import { qualifiedNameProblems } from "@capstan/api/meta";
import type { Declared } from "../../custom/cost/declared.ts";
import { FieldErrors } from "../../field-errors.ts";
import { isSubdomain, subdomainDetail } from "../../metadata.ts";
import type { Attributes } from "../../request.ts";
import { checkConditions, checkMatchResources, failurePolicies } from "../configuration.ts";
import { checkWebhooks } from "../webhook/definition.ts";
import { commonNames, conditionNames, expressionCause, type Name } from "./conditions.ts";

/** Refuses configurations of admission that say something wrong, by the fields that do. */
export function checkConfiguration({ info, kind, name, object }: Attributes): void {
  if (info.group !== "admissionregistration.k8s.io" || info.subresource !== "" || !object) return;
  const errors = new FieldErrors();
  if (info.resource === "validatingadmissionpolicies") checkPolicy(object as ValidatingAdmissionPolicy, errors);
  else if (info.resource === "validatingadmissionpolicybindings")
    checkBinding(object as ValidatingAdmissionPolicyBinding, errors);
  else checkWebhooks(object, info.resource === "mutatingwebhookconfigurations", errors);
  errors.throwFor(kind, name);
}

function checkPolicy({ metadata, spec }: ValidatingAdmissionPolicy, errors: FieldErrors): void {
  const { failurePolicy, paramKind, matchConstraints, validations = [], auditAnnotations = [] } = spec ?? {};
  if (failurePolicy !== undefined && !failurePolicies.includes(failurePolicy))
    errors.notSupported("spec.failurePolicy", failurePolicy, failurePolicies);
  if (paramKind) checkParamKind(paramKind, errors);
  if (!matchConstraints) errors.required("spec.matchConstraints");
  else {
    checkMatchResources(matchConstraints, "spec.matchConstraints", errors);
    if (!matchConstraints.resourceRules?.length) errors.required("spec.matchConstraints.resourceRules");
  }
  const params: Name[] = paramKind ? ["params"] : [];
  const conditions = [...conditionNames, ...params];
  checkConditions(spec?.matchConditions ?? [], "spec.matchConditions", { names: conditions, wanted: ["bool"] }, errors);
  const variables = checkVariables(spec?.variables ?? [], [...conditions, "variables"], errors);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const must = "validations or auditAnnotations must contain at least one item";
    errors.required("spec.validations", must);
    errors.required("spec.auditAnnotations", must);
    return;
  }
  const all: Name[] = [...conditions, "variables"];
  const worded: Name[] = [...commonNames, ...params, "variables"];
  for (const [i, validation] of validations.entries())
    checkValidation(validation, `spec.validations[${i}]`, { all, worded, variables }, errors);
  const keys = new Set<string>();
  for (const [i, { key, valueExpression }] of auditAnnotations.entries()) {
    const at = `spec.auditAnnotations[${i}]`;
    const whole = `${metadata.name}/${key}`;
    for (const problem of qualifiedNameProblems(whole)) errors.invalid(`${at}.key`, whole, problem);
    if (!valueExpression?.trim()) errors.required(`${at}.valueExpression`, "valueExpression is not specified");
    else
      errors.causes.push(
        ...expressionCause(`${at}.valueExpression`, valueExpression, {
          names: all,
          wanted: ["string", "null"],
          variables,
        }),
      );
    if (keys.has(key)) errors.duplicate(`${at}.key`, key);
    keys.add(key);
  }
}

function checkParamKind({ apiVersion, kind }: ParamKind, errors: FieldErrors): void {
  if (!apiVersion) errors.required("spec.paramKind.apiVersion");
  else if (apiVersion.split("/").length > 2)
    errors.invalid("spec.paramKind.apiVersion", apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  if (!kind) errors.required("spec.paramKind.kind");
}

/** The variables of a policy with their types: each sees those before it. */
function checkVariables(given: readonly Variable[], names: Name[], errors: FieldErrors): Declared {
  const fields = new Map<string, Declared>();
  const own: Declared = { kind: "object", most: 0, least: 2, fields };
  for (const [i, { name, expression }] of given.entries()) {
    const at = `spec.variables[${i}]`;
    if (!name?.trim()) errors.required(`${at}.name`, "name is not specified");
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      errors.invalid(`${at}.name`, name, "must be a valid CEL identifier");
    if (!expression?.trim()) errors.required(`${at}.expression`, "expression is not specified");
    else
      errors.causes.push(
        ...expressionCause(`${at}.expression`, expression, {
          names,
          variables: own,
          found: (type) => void fields.set(name, type),
        }),
      );
  }
  return own;
}

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
const breaks = /[\r\n]/;

interface Sight {
  all: Name[];
  worded: Name[];
  variables: Declared;
}

function checkValidation(
  { expression, message, messageExpression, reason }: Validation,
  at: string,
  { all, worded, variables }: Sight,
  errors: FieldErrors,
): void {
  const text = expression?.trim() ?? "";
  if (text === "") errors.required(`${at}.expression`, "expression is not specified");
  else errors.causes.push(...expressionCause(`${at}.expression`, text, { names: all, wanted: ["bool"], variables }));
  if (messageExpression !== undefined) {
    if (messageExpression.trim() === "")
      errors.invalid(`${at}.messageExpression`, messageExpression, "must be non-empty if specified");
    else
      errors.causes.push(
        ...expressionCause(`${at}.messageExpression`, messageExpression.trim(), {
          names: worded,
          wanted: ["string"],
          variables,
        }),
      );
  }
  if (message && message.trim() === "")
    errors.invalid(`${at}.message`, message, "message must be non-empty if specified");
  else if (message && breaks.test(message.trim()))
    errors.invalid(`${at}.message`, message, "must not contain line breaks");
  else if (breaks.test(text) && !message?.trim())
    errors.required(`${at}.message`, "message must be specified if expression contains line breaks");
  if (reason !== undefined && !reasons.includes(reason))
    errors.notSupported(`${at}.reason`, reason, ["Forbidden", "Invalid", "RequestEntityTooLarge"]);
}

const actions = ["Audit", "Deny", "Warn"];

function checkBinding({ spec }: ValidatingAdmissionPolicyBinding, errors: FieldErrors): void {
  const { policyName, paramRef, matchResources, validationActions = [] } = spec ?? {};
  if (!policyName) errors.required("spec.policyName");
  else if (!isSubdomain(policyName)) errors.invalid("spec.policyName", policyName, subdomainDetail);
  if (paramRef) checkParamRef(paramRef, errors);
  checkMatchResources(matchResources, "spec.matchResources", errors);
  const at = "spec.validationActions";
  const seen = new Set<string>();
  for (const [i, action] of validationActions.entries()) {
    if (!actions.includes(action)) errors.notSupported(`${at}[${i}]`, action, actions);
    if (seen.has(action)) errors.duplicate(`${at}[${i}]`, action);
    seen.add(action);
  }
  if (seen.has("Deny") && seen.has("Warn"))
    errors.invalid(
      at,
      validationActions,
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
    );
  if (seen.size === 0) errors.required(at, "at least one validation action is required");
}

function checkParamRef({ name, selector, parameterNotFoundAction: missing }: ParamRef, errors: FieldErrors): void {
  const at = "spec.paramRef";
  if (name && selector) {
    errors.forbidden(`${at}.name`, "name and selector are mutually exclusive");
    errors.forbidden(`${at}.selector`, "name and selector are mutually exclusive");
  }
  if (!name && !selector) errors.required(at, "one of name or selector must be specified");
  if (!missing) errors.required(`${at}.parameterNotFoundAction`);
  else if (missing !== "Deny" && missing !== "Allow")
    errors.notSupported(`${at}.parameterNotFoundAction`, missing, ["Deny", "Allow"]);
}
