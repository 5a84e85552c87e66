// Checks of single values that many kinds share, worded as apimachinery's validation.
import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { isQuantity, labelValueProblems, parseQuantity, qualifiedNameProblems } from "@capstan/api/meta";
import { FieldErrors } from "../field-errors.ts";
import { isSubdomain, validateLabels } from "../metadata.ts";

const between = (from: number, to: number) => `must be between ${from} and ${to}, inclusive`;

export function checkPort(port: unknown, field: string, errors: FieldErrors): void {
  if (typeof port === "number") {
    if (port < 1 || port > 65_535) errors.invalid(field, port, between(1, 65_535));
  } else if (typeof port === "string") checkPortName(port, field, errors);
}

/** A service name of RFC 6335: at most 15 of a–z, 0–9 and single dashes, with a letter. */
export function checkPortName(name: string, field: string, errors: FieldErrors): void {
  if (name.length > 15) errors.invalid(field, name, "must be no more than 15 characters");
  if (!/^[a-z0-9-]*$/.test(name))
    errors.invalid(field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(name)) errors.invalid(field, name, "must contain at least one letter (a-z)");
  if (name.includes("--")) errors.invalid(field, name, "must not contain consecutive hyphens");
  if (/^-|-$/.test(name)) errors.invalid(field, name, "must not begin or end with a hyphen");
}

export function checkNotNegative(value: number | undefined, field: string, errors: FieldErrors): void {
  if (value !== undefined && value < 0) errors.invalid(field, value, "must be greater than or equal to 0");
}

export function checkOneOf(
  value: string | undefined,
  allowed: readonly string[],
  field: string,
  errors: FieldErrors,
): void {
  if (value === undefined || value === "") errors.required(field);
  else if (!allowed.includes(value)) errors.notSupported(field, value, allowed);
}

/** Source: apimachinery's IsValidUserID and IsValidGroupID. */
export function checkUserId(id: number | undefined, field: string, errors: FieldErrors): void {
  if (id !== undefined && (id < 0 || id > 2 ** 31 - 1)) errors.invalid(field, id, between(0, 2 ** 31 - 1));
}

const pathDetail = 'must be a domain-prefixed path (such as "acme.io/foo")';

/** A name such as acme.io/foo. */
export function checkDomainPath(name: string, field: string, errors: FieldErrors): void {
  const [, domain = "", path = ""] = /^([^/]*)\/(.*)$/.exec(name) ?? [];
  if (domain && path && isSubdomain(domain) && /^[-A-Za-z0-9/._~]+$/.test(path)) return;
  errors.invalid(field, name, pathDetail);
}

/** A count, or a percentage such as 25%. */
export function checkIntOrPercent(value: number | string | undefined, field: string, errors: FieldErrors): void {
  if (typeof value === "number") checkNotNegative(value, field, errors);
  else if (typeof value === "string" && !/^\d+%$/.test(value)) {
    errors.invalid(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    );
  }
}

/** A share may not be more than the whole. */
export function checkShare(value: number | string | undefined, field: string, errors: FieldErrors): void {
  if (typeof value === "string" && /^\d+%$/.test(value) && Number.parseInt(value, 10) > 100) {
    errors.invalid(field, value, "must not be greater than 100%");
  }
}

export function checkQuantity(value: string, field: string, errors: FieldErrors): void {
  if (isQuantity(value) && parseQuantity(value) < 0) errors.invalid(field, value, "must be greater than or equal to 0");
}

export function checkSelector(selector: LabelSelector | undefined, field: string, errors: FieldErrors): void {
  validateLabels(selector?.matchLabels, `${field}.matchLabels`, errors);
  for (const [i, { key, operator, values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`;
    for (const problem of qualifiedNameProblems(key ?? "")) errors.invalid(`${at}.key`, key ?? "", problem);
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) errors.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0)
        errors.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else errors.invalid(`${at}.operator`, operator ?? "", "not a valid selector operator");
    for (const [j, value] of values.entries()) {
      for (const problem of labelValueProblems(value)) errors.invalid(`${at}.values[${j}]`, value, problem);
    }
  }
}

export const isSelector = (selector: LabelSelector): boolean => {
  const errors = new FieldErrors();
  checkSelector(selector, "", errors);
  return errors.causes.length === 0;
};

export const addressDetail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const ipv4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

export function isAddress(text: string): boolean {
  return ipv4.test(text) || (text.includes(":") && URL.canParse(`http://[${text}]/`));
}

/** Keys of config maps and secrets. */
export function checkDataKeys(data: Record<string, unknown> | undefined, field: string, errors: FieldErrors): void {
  for (const key of Object.keys(data ?? {})) {
    if (key.length > 253) errors.invalid(`${field}[${key}]`, key, "must be no more than 253 characters");
    else if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
      errors.invalid(
        `${field}[${key}]`,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      );
    } else if (key === "." || key === "..") errors.invalid(`${field}[${key}]`, key, `must not be '${key}'`);
  }
}
