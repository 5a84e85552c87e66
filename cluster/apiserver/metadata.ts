// Rules for metadata that hold for every kind.
import { isLabelValue, isQualifiedName, type KubeObject, qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "./field-errors.ts";
import type { Kind } from "./kind.ts";
import { randomSuffix } from "./random-suffix.ts";

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

export const subdomainDetail =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
export const labelDetail =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const label1035Detail =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const qualifiedDetail =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValueDetail =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

export const isSubdomain = (text: string) => text.length <= 253 && subdomain.test(text);
export const isDnsLabel = (text: string) => text.length <= 63 && label.test(text);

/** Annotations of one object may hold this many bytes. Source: apimachinery's TotalAnnotationSizeLimitB. */
const annotationLimit = 256 * 1024;

/** Resources whose names are labels, not subdomains. Source: upstream's Validate<Kind>Name functions. */
const labelNames = new Set(["namespaces"]);
const label1035Names = new Set(["services"]);
/** Resources whose names may be any path segment. */
const pathNames = new Set(["rbac.authorization.k8s.io", "ipaddresses", "apiservices"]);

function nameProblem(kind: Kind, name: string): string | undefined {
  if (pathNames.has(kind.group) || pathNames.has(kind.resource)) {
    if (name === "." || name === "..") return `may not be '${name}'`;
    const bad = ["/", "%"].find((part) => name.includes(part));
    return bad ? `may not contain '${bad}'` : undefined;
  }
  if (kind.group === "" && labelNames.has(kind.resource)) {
    if (name.length > 63) return "must be no more than 63 characters";
    if (name.includes(".") && isSubdomain(name)) return "must not contain dots";
    return isDnsLabel(name) ? undefined : labelDetail;
  }
  if (kind.group === "" && label1035Names.has(kind.resource)) {
    return name.length <= 63 && label1035.test(name) ? undefined : label1035Detail;
  }
  if (name.length > 253) return "must be no more than 253 characters";
  return isSubdomain(name) ? undefined : subdomainDetail;
}

/** Validates the metadata of a new or changed object. */
export function validateMetadata(kind: Kind, object: KubeObject, errors: FieldErrors): void {
  const { metadata } = object;
  if (metadata.name === undefined || metadata.name === "") {
    errors.required("metadata.name", "name or generateName is required");
  } else {
    const problem = nameProblem(kind, metadata.name);
    if (problem) errors.invalid("metadata.name", metadata.name, problem);
  }
  validateLabels(metadata.labels, "metadata.labels", errors);
  validateAnnotations(metadata.annotations, errors);
  validateFinalizers(kind, metadata.finalizers ?? [], errors);
  validateOwners(object, errors);
}

/** Kinds whose finalizers are not looked at more closely: those of the servers beside the main one upstream. */
const plainGroups = new Set(["admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io"]);
const isPlain = ({ custom, group }: Kind) => custom !== undefined || plainGroups.has(group);

/** Finalizers of the core group that need no domain. Source: upstream's IsStandardFinalizerName. */
const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

function validateFinalizers(kind: Kind, finalizers: readonly string[], errors: FieldErrors): void {
  for (const [i, finalizer] of finalizers.entries()) {
    const problems = qualifiedNameProblems(finalizer);
    for (const problem of problems) errors.invalid("metadata.finalizers", finalizer, problem);
    if (problems.length > 0 || isPlain(kind) || finalizer.includes("/") || standardFinalizers.has(finalizer)) continue;
    errors.invalid(
      `metadata.finalizers[${i}]`,
      finalizer,
      "name is neither a standard finalizer name nor is it fully qualified",
    );
  }
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.invalid("metadata.finalizers", finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

export function validateLabels(labels: Record<string, string> | undefined, path: string, errors: FieldErrors): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (!isQualifiedName(key)) errors.invalid(path, key, qualifiedDetail);
    if (value.length > 63) errors.invalid(path, value, "must be no more than 63 characters");
    else if (!isLabelValue(value)) errors.invalid(path, value, labelValueDetail);
  }
}

function validateAnnotations(annotations: Record<string, string> | undefined, errors: FieldErrors): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    if (!isQualifiedName(key.toLowerCase())) errors.invalid("metadata.annotations", key, qualifiedDetail);
    size += key.length + value.length;
  }
  if (size > annotationLimit) errors.tooLong("metadata.annotations", annotationLimit);
}

function validateOwners(object: KubeObject, errors: FieldErrors): void {
  const field = "metadata.ownerReferences";
  const owners = object.metadata.ownerReferences ?? [];
  for (const owner of owners) {
    if (!owner.apiVersion) errors.invalid(`${field}.apiVersion`, "", "version must not be empty");
    for (const name of ["kind", "name", "uid"] as const) {
      if (!owner[name]) errors.invalid(`${field}.${name}`, "", "must not be empty");
    }
  }
  const [first, second] = owners.filter(({ controller }) => controller).map(({ kind, name }) => `${kind}/${name}`);
  if (second === undefined) return;
  const detail = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`;
  errors.invalid(field, owners, detail);
}

/** Rejects changes of what a client may not change. */
export function validateMetadataUpdate(object: KubeObject, old: KubeObject, errors: FieldErrors): void {
  validateNoNewFinalizers(object, old, errors);
  for (const field of ["name", "namespace", "uid"] as const) {
    if (object.metadata[field] !== old.metadata[field]) {
      errors.invalid(`metadata.${field}`, object.metadata[field] ?? "", "field is immutable");
    }
  }
}

function validateNoNewFinalizers(object: KubeObject, old: KubeObject, errors: FieldErrors): void {
  if (!old.metadata.deletionTimestamp) return;
  const present = new Set(old.metadata.finalizers);
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !present.has(finalizer));
  if (added.length > 0) {
    errors.forbidden(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((f) => JSON.stringify(f)).join(", ")}}`,
    );
  }
}

/** Appends five random characters; a base is cut so that the name stays a label. Source: apiserver's names.SimpleNameGenerator. */
export const generateName = (base: string): string => base.slice(0, 58) + randomSuffix();

let second = 0;
let written = "";

/** The time now as metav1.Time writes it. */
export function timeNow(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    written = `${new Date(now * 1000).toISOString().slice(0, 19)}Z`;
  }
  return written;
}
