import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import { normalize, TypeMismatch, typeOfKind } from "@capstan/api/schema";
import { malformedObject } from "../body.ts";
import type { Kind } from "../kind.ts";
import type { FieldValidation } from "./write-options.ts";

/** @param dryRun of DeleteOptions that have been checked. */
export const dryRunOf = (values: readonly string[]): boolean => values.length > 0;

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
  const given = value === null ? {} : value;
  if (!isObject(given)) throw unrecognized(kind, given);
  checkKind(given, kind);
  const object = given as unknown as KubeObject;
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

/** What is no object has no kind. Source: apimachinery's SimpleMetaFactory, and the messages of encoding/json. */
function unrecognized(kind: Kind, value: unknown): StatusError {
  const text = value === undefined ? "" : JSON.stringify(value);
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  const wanted =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  const problem =
    value === undefined
      ? "unexpected end of JSON input"
      : `json: cannot unmarshal ${type} into Go value of type ${wanted}`;
  return malformedObject(kind.kind, text, problem);
}

/** Problems that the YAML parser found stand together, as it tells them. */
function inOneLine(problems: string[]): string {
  const lines = problems.filter((problem) => problem.startsWith("line "));
  const yaml = lines.length > 0 ? [`yaml: unmarshal errors:\n${lines.map((line) => `  ${line}`).join("\n")}`] : [];
  return [...yaml, ...problems.filter((problem) => !lines.includes(problem))].join(", ");
}

function report(
  kind: Kind,
  unknown: string[],
  { validation, duplicates, warn }: { validation: FieldValidation; duplicates: string[]; warn(message: string): void },
): void {
  if (validation === "Ignore") return;
  const problems = [...duplicates, ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`)];
  if (problems.length === 0) return;
  if (validation === "Strict") throw cannotHandle(kind, `strict decoding error: ${inOneLine(problems)}`);
  for (const problem of problems) warn(problem);
}

function checkKind(value: Record<string, unknown>, kind: Kind): void {
  const wanted = apiVersionOf(kind);
  value.apiVersion ??= wanted;
  value.kind ??= kind.kind;
  if (value.apiVersion === wanted && value.kind === kind.kind) return;
  const [given, version] = [String(value.kind), String(value.apiVersion)];
  if (kind.custom && given === kind.kind) {
    throw new StatusError(
      "BadRequest",
      `the API version in the data (${version}) does not match the expected API version (${wanted})`,
    );
  }
  const [group = "", short = ""] = version.includes("/") ? version.split("/") : ["", version];
  // Upstream names its packages; those of the core group have its own name.
  const problem = typeOfKind(group, short, given)
    ? `converting (${short}.${given}) to (${kind.group.split(".")[0] || "core"}.${kind.kind}): unknown conversion`
    : `no kind ${JSON.stringify(given)} is registered for version ${JSON.stringify(version)} in scheme "pkg/runtime/scheme.go:110"`;
  throw new StatusError(
    "BadRequest",
    `${given} in version ${JSON.stringify(short)} cannot be handled as a ${kind.kind}: ${problem}`,
  );
}

export function cannotHandle(kind: Kind, detail: string): StatusError {
  return new StatusError(
    "BadRequest",
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${detail}`,
  );
}
