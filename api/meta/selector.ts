import { selectorLimit } from "./label-parser.ts";
import { matches, type Requirement } from "./labels.ts";
import { StatusError } from "./status.ts";

export interface FieldRequirement {
  field: string;
  equal: boolean;
  value: string;
}

const refuse = (what: string) => new StatusError("BadRequest", what);

/**
 * Parses `metadata.name=a,status.phase!=Running`; backslash escapes `,`, `=` and itself. Throws BadRequest.
 * Source: apimachinery's fields.ParseSelector.
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (text.length > selectorLimit) throw refuse(`the field selector is longer than ${selectorLimit} characters`);
  const parts = text.match(/(?:\\.|[^,\\])+|\\$/gs) ?? [];
  return parts.map((part) => {
    const match = /^(.*?)(!=|==?)(.*)$/s.exec(part);
    if (!match) throw refuse(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, field = "", operator, value = ""] = match;
    return { field, equal: operator !== "!=", value: withoutEscapes(value) };
  });
}

function withoutEscapes(value: string): string {
  if (value.replace(/\\./gs, "").includes("=")) {
    throw refuse("invalid field selector: unescaped character in value: 61");
  }
  return value.replace(/\\(.?)/gs, (sequence, escaped: string) => {
    if (escaped === "," || escaped === "=" || escaped === "\\") return escaped;
    throw refuse(`invalid field selector: invalid escape sequence: ${sequence}`);
  });
}

/** Both selectors of a list or watch. */
export interface Selector {
  labels: Requirement[];
  fields: FieldRequirement[];
}

export function selectsObject(
  selector: Selector,
  labels: Record<string, string> | undefined,
  field: (name: string) => string,
): boolean {
  if (!matches(selector.labels, labels)) return false;
  return selector.fields.every((wanted) => (field(wanted.field) === wanted.value) === wanted.equal);
}
