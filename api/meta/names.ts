// Names of labels, annotations and finalizers, and their values: what is wrong with one, in upstream's words.
// Source: apimachinery's util/validation.

const name = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const value = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const nameDetail =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const valueDetail =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
export const subdomainDetail =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const tooLong = (limit: number) => `must be no more than ${limit} characters`;

export function subdomainProblems(text: string): string[] {
  return [...(text.length > 253 ? [tooLong(253)] : []), ...(subdomain.test(text) ? [] : [subdomainDetail])];
}

/** A qualified name: `name` or `dns.sub.domain/name`. */
export function qualifiedNameProblems(text: string): string[] {
  const parts = text.split("/");
  const own = parts.at(-1) ?? "";
  if (parts.length > 2) {
    return [`a qualified name ${nameDetail} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...subdomainProblems(prefix).map((problem) => `prefix part ${problem}`));
  }
  if (own === "") problems.push("name part must be non-empty");
  else if (own.length > 63) problems.push(`name part ${tooLong(63)}`);
  if (!name.test(own)) problems.push(`name part ${nameDetail}`);
  return problems;
}

export function labelValueProblems(text: string): string[] {
  return [...(text.length > 63 ? [tooLong(63)] : []), ...(value.test(text) ? [] : [valueDetail])];
}

/** Whether text is a qualified name: `name` or `dns.sub.domain/name`, as label and annotation keys are. */
export function isQualifiedName(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 0) return text.length <= 63 && name.test(text);
  const own = text.slice(slash + 1);
  return slash <= 253 && own.length <= 63 && subdomain.test(text.slice(0, slash)) && name.test(own);
}

export function isLabelValue(text: string): boolean {
  return text.length <= 63 && value.test(text);
}
