// Rules for what a definition says of its versions. Source: apiextensions' validation of conversion and stored versions.
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import type { FieldErrors } from "../../field-errors.ts";
import { isDnsLabel, labelDetail } from "../../metadata.ts";
import { reviewVersions } from "../webhook-converter.ts";

export function validateConversion(
  conversion: CustomResourceDefinition["spec"]["conversion"],
  errors: FieldErrors,
  old?: CustomResourceDefinition,
): void {
  const { strategy = "None", webhook } = conversion ?? {};
  const at = "spec.conversion";
  if (strategy !== "Webhook") {
    if (strategy !== "None") errors.notSupported(`${at}.strategy`, strategy, ["None", "Webhook"]);
    const not = "should not be set when strategy is not set to Webhook";
    if (webhook?.clientConfig) errors.forbidden(`${at}.webhookClientConfig`, not);
    if (webhook?.conversionReviewVersions?.length) errors.forbidden(`${at}.conversionReviewVersions`, not);
    return;
  }
  if (!webhook?.clientConfig) {
    errors.required(`${at}.webhookClientConfig`, "required when strategy is set to Webhook");
  } else validateClient(webhook.clientConfig, `${at}.webhookClientConfig`, errors, old);
  const versions = webhook?.conversionReviewVersions ?? [];
  if (versions.length === 0) errors.required(`${at}.conversionReviewVersions`);
  else if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.invalid(
      `${at}.conversionReviewVersions`,
      versions,
      `must include at least one of ${reviewVersions.join(", ")}`,
    );
  }
}

type Client = NonNullable<
  NonNullable<NonNullable<CustomResourceDefinition["spec"]["conversion"]>["webhook"]>["clientConfig"]
>;

const holdsCertificate = (bundle: string) =>
  Buffer.from(bundle, "base64").toString().includes("-----BEGIN CERTIFICATE-----");

/** A bundle may be filled in later: it is checked once a definition is served, unless it was wrong before. */
function checksBundle(old: CustomResourceDefinition | undefined): boolean {
  if (!old?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True")) return false;
  const before = old.spec.conversion?.webhook?.clientConfig?.caBundle;
  return !before || holdsCertificate(before);
}

function validateClient(
  { url, service, caBundle }: Client,
  at: string,
  errors: FieldErrors,
  old: CustomResourceDefinition | undefined,
): void {
  if ((url === undefined) === (service === undefined)) {
    errors.required(at, "exactly one of url or service is required");
  } else if (url !== undefined) validateUrl(url, `${at}.url`, errors);
  else {
    if (!service?.name) errors.required(`${at}.service.name`, "service name is required");
    else if (!isDnsLabel(service.name)) errors.invalid(`${at}.service.name`, service.name, labelDetail);
    if (!service?.namespace) errors.required(`${at}.service.namespace`, "service namespace is required");
    const { port = 443 } = service ?? {};
    if (port < 1 || port > 65535) errors.invalid(`${at}.service.port`, port, "must be between 1 and 65535, inclusive");
  }
  if (caBundle && checksBundle(old) && !holdsCertificate(caBundle)) {
    errors.invalid(`${at}.caBundle`, "<bytes>", "unable to load root certificates: it holds no PEM certificate");
  }
}

function validateUrl(url: string, at: string, errors: FieldErrors): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) errors.required(at, "url must be a valid URL");
  else if (parsed.protocol !== "https:")
    errors.invalid(at, parsed.protocol.slice(0, -1), "'https' is the only allowed URL scheme");
  else if (parsed.username || parsed.password) errors.invalid(at, "", "user information is not permitted in the URL");
  else if (parsed.hash) errors.invalid(at, parsed.hash.slice(1), "fragments are not permitted in the URL");
  else if (parsed.search) errors.invalid(at, parsed.search.slice(1), "query parameters are not permitted in the URL");
}

export function validateStoredVersions({ spec, status }: CustomResourceDefinition, errors: FieldErrors): void {
  const stored = status?.storedVersions ?? [];
  const at = "status.storedVersions";
  if (stored.length === 0) {
    errors.invalid(at, null, "must have at least one stored version");
    return;
  }
  for (const { name, storage } of spec.versions ?? []) {
    if (storage && !stored.includes(name)) errors.invalid(at, stored, `must have the storage version ${name}`);
  }
  const known = new Set(spec.versions?.map(({ name }) => name));
  for (const [i, name] of stored.entries()) {
    if (known.has(name)) continue;
    const why = `${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.invalid(`${at}[${i}]`, name, `missing from spec.versions; ${why}`);
  }
}
