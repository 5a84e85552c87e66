import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import { normalize, TypeMismatch } from "@capstan/api/schema";
import type { Kind } from "../kind.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const value = query.get("fieldValidation") ?? "";
  if (value === "") return "Warn";
  if (value === "Strict" || value === "Warn" || value === "Ignore") return value;
  throw new StatusError(
    "Invalid",
    `UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "", "Ignore", "Strict", "Warn"`,
  );
}

/** @param dryRun of the query or of DeleteOptions. Throws Invalid for anything but All. */
export function dryRunOf(values: readonly string[]): boolean {
  for (const value of values) {
    if (value === "All") continue;
    throw new StatusError("Invalid", `dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`);
  }
  return values.length > 0;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Makes a decoded body an object of `kind`: its types checked, unknown fields dropped and reported as fieldValidation says.
 * Throws BadRequest.
 */
export function decodeObject(
  value: unknown,
  kind: Kind,
  options: { validation: FieldValidation; duplicates: string[]; warn(message: string): void; partial?: boolean },
): KubeObject {
  if (!isObject(value)) throw new StatusError("BadRequest", `the body of the request must be a ${kind.kind} object`);
  checkKind(value, kind);
  const object = value as unknown as KubeObject;
  if (!isObject(object.metadata)) {
    if (object.metadata !== undefined && object.metadata !== null) {
      throw cannotHandle(
        kind,
        `json: cannot unmarshal ${typeof object.metadata} into Go struct field ${kind.kind}.metadata of type v1.ObjectMeta`,
      );
    }
    object.metadata = { name: "" };
  }
  let unknown: string[];
  try {
    unknown = kind.custom ? kind.custom.prune(object) : normalize(object, kind.schema, options.partial);
  } catch (thrown) {
    if (thrown instanceof TypeMismatch) throw cannotHandle(kind, thrown.message);
    throw thrown;
  }
  report(kind, unknown, options);
  return object;
}

function report(
  kind: Kind,
  unknown: string[],
  { validation, duplicates, warn }: { validation: FieldValidation; duplicates: string[]; warn(message: string): void },
): void {
  if (validation === "Ignore") return;
  const problems = [
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
  if (problems.length === 0) return;
  if (validation === "Strict") throw cannotHandle(kind, `strict decoding error: ${problems.join(", ")}`);
  for (const problem of problems) warn(problem);
}

function checkKind(value: Record<string, unknown>, kind: Kind): void {
  const wanted = apiVersionOf(kind);
  value.apiVersion ??= wanted;
  value.kind ??= kind.kind;
  if (value.apiVersion !== wanted) {
    throw new StatusError(
      "BadRequest",
      kind.custom
        ? `the API version in the data (${String(value.apiVersion)}) does not match the expected API version (${wanted})`
        : `${kind.kind} in version ${JSON.stringify(value.apiVersion)} cannot be handled as a ${kind.kind}: no kind ${JSON.stringify(kind.kind)} is registered for version ${JSON.stringify(value.apiVersion)} in scheme "pkg/runtime/scheme.go:110"`,
    );
  }
  if (value.kind !== kind.kind) {
    throw new StatusError(
      "BadRequest",
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: the kind in the data (${String(value.kind)}) does not match the expected kind (${kind.kind})`,
    );
  }
}

export function cannotHandle(kind: Kind, detail: string): StatusError {
  return new StatusError(
    "BadRequest",
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${detail}`,
  );
}
