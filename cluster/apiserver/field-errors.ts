import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { invalid, StatusError } from "@capstan/api/meta";

/** Collects what is wrong with an object, worded as upstream's field.ErrorList. */
export class FieldErrors {
  readonly causes: StatusCause[] = [];

  required(field: string, detail = ""): void {
    this.add("FieldValueRequired", field, `Required value${detail ? `: ${detail}` : ""}`);
  }
  invalid(field: string, value: unknown, detail: string): void {
    this.add("FieldValueInvalid", field, `Invalid value: ${show(value)}: ${detail}`);
  }
  /** Where upstream shows no value. */
  plain(field: string, detail: string): void {
    this.add("FieldValueInvalid", field, `Invalid value: ${detail}`);
  }
  /** @param shown the value as text. */
  invalidShown(field: string, shown: string, detail: string): void {
    this.add("FieldValueInvalid", field, `Invalid value: ${shown}: ${detail}`);
  }
  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const list = [...supported].map((item) => JSON.stringify(item)).join(", ");
    this.add("FieldValueNotSupported", field, `Unsupported value: ${show(value)}: supported values: ${list}`);
  }
  forbidden(field: string, detail: string): void {
    this.add("FieldValueForbidden", field, `Forbidden: ${detail}`);
  }
  duplicate(field: string, value: unknown, detail = ""): void {
    this.add("FieldValueDuplicate", field, `Duplicate value: ${show(value)}${detail ? `: ${detail}` : ""}`);
  }
  notFound(field: string, value: unknown): void {
    this.add("FieldValueNotFound", field, `Not found: ${show(value)}`);
  }
  tooLong(field: string, limit: number): void {
    this.add("FieldValueTooLong", field, `Too long: may not be more than ${limit} bytes`);
  }
  tooMany(field: string, count: number, limit: number): void {
    this.add("FieldValueTooMany", field, `Too many: ${count}: must have at most ${limit} items`);
  }
  typeInvalid(field: string, value: unknown, detail: string): void {
    this.add("FieldValueTypeInvalid", field, `Invalid value: ${show(value)}: ${detail}`);
  }
  /** What a step would add, without adding it. */
  collect(step: (errors: FieldErrors) => void): StatusCause[] {
    const own = new FieldErrors();
    step(own);
    return own.causes;
  }
  private add(reason: string, field: string, message: string): void {
    if (this.causes.length < causeLimit) this.causes.push({ reason, message, field });
  }

  /** Throws Invalid when anything was wrong. */
  throwFor(kind: { group: string; kind: string }, name: string): void {
    if (this.causes.length === 0) return;
    const { group, kind: named } = kind;
    throw invalid({ group, kind: named }, name, this.causes);
  }
}

/** More causes than this are dropped: an answer stays readable. */
const causeLimit = 100;

/** Strings are shown quoted, objects as Go's JSON, which escapes for HTML. */
function show(value: unknown): string {
  const plain = JSON.stringify(value) ?? "null";
  const text = typeof value === "object" ? plain.replace(/[<>&]/g, escaped) : plain;
  return text.length > shownMost ? `${text.slice(0, shownMost)}…` : text;
}

const escaped = (sign: string) => `\\u00${sign.charCodeAt(0).toString(16)}`;
/** Longer values would make an answer unreadable; upstream shows them whole. */
const shownMost = 4096;

/** Refuses an update that came too late. */
export function conflict(resource: { group: string; resource: string }, name: string, detail: string): StatusError {
  const qualified = resource.group === "" ? resource.resource : `${resource.resource}.${resource.group}`;
  return new StatusError("Conflict", `Operation cannot be fulfilled on ${qualified} "${name}": ${detail}`, {
    name,
    group: resource.group,
    kind: resource.resource,
  });
}

export const staleMessage =
  "the object has been modified; please apply your changes to the latest version and try again";
