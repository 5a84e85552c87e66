// What configurations of webhooks must say. Source: kubernetes/pkg/apis/admissionregistration/validation.
import type {
  MutatingWebhook,
  ServiceReference,
  ValidatingWebhook,
} from "@capstan/api/generated/admissionregistration-v1";
import type { FieldErrors } from "../../field-errors.ts";
import { isSubdomain, subdomainDetail } from "../../metadata.ts";
import { checkConditions, checkRule, failurePolicies, matchPolicies } from "../configuration.ts";
import { conditionNames } from "../policy/conditions.ts";
import { reviewVersions } from "./review.ts";

const sideEffects = ["None", "NoneOnDryRun"];

export function checkWebhooks(object: object, mutating: boolean, errors: FieldErrors): void {
  const { webhooks = [] } = object as { webhooks?: (MutatingWebhook | ValidatingWebhook)[] };
  const names = new Set<string>();
  for (const [i, webhook] of webhooks.entries()) {
    const at = `webhooks[${i}]`;
    checkWebhook(webhook, at, mutating, errors);
    checkReviewVersions(webhook.admissionReviewVersions ?? [], `${at}.admissionReviewVersions`, errors);
    if (webhook.name && names.has(webhook.name)) errors.duplicate(`${at}.name`, webhook.name);
    names.add(webhook.name);
  }
}

function checkReviewVersions(versions: readonly string[], at: string, errors: FieldErrors): void {
  if (versions.length === 0) {
    errors.required(at, `must specify one of ${reviewVersions.join(", ")}`);
    return;
  }
  const seen = new Set<string>();
  for (const [i, version] of versions.entries()) {
    if (seen.has(version)) errors.invalid(`${at}[${i}]`, version, "duplicate version");
    seen.add(version);
  }
  if (!versions.some((version) => reviewVersions.includes(version)))
    errors.invalid(at, versions, `must include at least one of ${reviewVersions.join(", ")}`);
}

function checkWebhook(
  webhook: MutatingWebhook | ValidatingWebhook,
  at: string,
  mutating: boolean,
  errors: FieldErrors,
): void {
  const { name, failurePolicy, matchPolicy, sideEffects: effects, timeoutSeconds: seconds } = webhook;
  if (!name) errors.required(`${at}.name`);
  else if (!isSubdomain(name)) errors.invalid(`${at}.name`, name, subdomainDetail);
  else if (name.split(".").length < 3)
    errors.invalid(`${at}.name`, name, "should be a domain with at least three segments separated by dots");
  for (const [i, rule] of (webhook.rules ?? []).entries()) checkRule(rule, `${at}.rules[${i}]`, errors);
  if (failurePolicy !== undefined && !failurePolicies.includes(failurePolicy))
    errors.notSupported(`${at}.failurePolicy`, failurePolicy, failurePolicies);
  if (matchPolicy !== undefined && !matchPolicies.includes(matchPolicy))
    errors.notSupported(`${at}.matchPolicy`, matchPolicy, matchPolicies);
  if (effects === undefined) errors.required(`${at}.sideEffects`, `must specify one of ${sideEffects.join(", ")}`);
  else if (!sideEffects.includes(effects)) errors.notSupported(`${at}.sideEffects`, effects, sideEffects);
  if (seconds !== undefined && (seconds < 1 || seconds > 30))
    errors.invalid(`${at}.timeoutSeconds`, seconds, "the timeout value must be between 1 and 30 seconds");
  if (mutating) checkReinvocation((webhook as MutatingWebhook).reinvocationPolicy, at, errors);
  checkClient(webhook, `${at}.clientConfig`, errors);
  checkConditions(
    webhook.matchConditions ?? [],
    `${at}.matchConditions`,
    { names: conditionNames, wanted: ["bool"] },
    errors,
  );
}

function checkReinvocation(policy: string | undefined, at: string, errors: FieldErrors): void {
  const policies = ["IfNeeded", "Never"];
  if (policy !== undefined && !policies.includes(policy))
    errors.notSupported(`${at}.reinvocationPolicy`, policy, policies);
}

function checkClient({ clientConfig }: MutatingWebhook | ValidatingWebhook, at: string, errors: FieldErrors): void {
  const { url, service } = clientConfig ?? {};
  if ((url === undefined) === (service === undefined)) {
    errors.required(at, "exactly one of url or service is required");
    return;
  }
  if (service) {
    checkService(service, `${at}.service`, errors);
    return;
  }
  const parsed = URL.canParse(url ?? "") ? new URL(url ?? "") : undefined;
  const form = "; desired format: https://host[/path]";
  if (!parsed) errors.required(`${at}.url`, `url must be a valid URL${form}`);
  else if (parsed.protocol !== "https:")
    errors.invalid(`${at}.url`, parsed.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`);
  else if (parsed.username || parsed.password)
    errors.invalid(
      `${at}.url`,
      parsed.password ? `${parsed.username}:${parsed.password}` : parsed.username,
      "user information is not permitted in the URL",
    );
  else if (parsed.hash) errors.invalid(`${at}.url`, parsed.hash.slice(1), "fragments are not permitted in the URL");
  else if (parsed.search)
    errors.invalid(`${at}.url`, parsed.search.slice(1), "query parameters are not permitted in the URL");
}

function checkService({ name, namespace, path, port = 443 }: ServiceReference, at: string, errors: FieldErrors): void {
  if (!name) errors.required(`${at}.name`);
  if (!namespace) errors.required(`${at}.namespace`);
  if (port < 1 || port > 65535)
    errors.invalid(`${at}.port`, port, "port is not valid: must be between 1 and 65535, inclusive");
  if (path === undefined || path === "/") return;
  if (!path.startsWith("/")) errors.invalid(`${at}.path`, path, "must start with a '/'");
  const segments = path.split("/").slice(1);
  if (segments.length === 0) errors.invalid(`${at}.path`, path, "segment[0] may not be empty");
  for (const [i, segment] of segments.entries()) {
    if (segment === "" && i < segments.length - 1) errors.invalid(`${at}.path`, path, `segment[${i}] may not be empty`);
  }
}
