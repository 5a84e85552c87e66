import { matches, type Requirement } from "./labels.ts";
import { StatusError } from "./status.ts";

const name = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$/;
const prefix = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether text is a qualified name: `name` or `dns.sub.domain/name`, as label and annotation keys are. */
export function isQualifiedName(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 0) return name.test(text);
  return slash <= 253 && prefix.test(text.slice(0, slash)) && name.test(text.slice(slash + 1));
}

export function isLabelValue(text: string): boolean {
  return text === "" || name.test(text);
}

/** Parts of a selector longer than this are refused. */
export const selectorLimit = 64 * 1024;

const refuse = (what: string) => new StatusError("BadRequest", `unable to parse requirement: ${what}`);

/**
 * Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k`; an empty string selects all. Throws BadRequest.
 * Source: apimachinery's labels.Parse.
 */
export function parseLabelSelector(text: string): Requirement[] {
  if (text.length > selectorLimit) throw refuse(`longer than ${selectorLimit} characters`);
  const tokens = text.match(/[(),]|!=|==?|[<>]|!|[^\s(),!=<>]+/g) ?? [];
  const requirements: Requirement[] = [];
  let at = 0;
  const next = () => tokens[at++];
  while (at < tokens.length) {
    requirements.push(readRequirement(tokens, next, () => tokens[at]));
    if (at < tokens.length && next() !== ",") throw refuse(`found '${tokens[at - 1]}', expected: ',' or end of string`);
    else if (at === tokens.length && tokens[at - 1] === ",") throw refuse("found '', expected: identifier after ','");
  }
  return requirements;
}

function readRequirement(
  tokens: string[],
  next: () => string | undefined,
  peek: () => string | undefined,
): Requirement {
  const first = next();
  if (first === "!") return { key: readKey(next()), operator: "DoesNotExist", values: [] };
  const key = readKey(first);
  const operator = peek();
  if (operator === undefined || operator === ",") return { key, operator: "Exists", values: [] };
  next();
  if (operator === "=" || operator === "==" || operator === "!=") {
    const after = peek();
    const value = after === undefined || after === "," ? "" : (next() ?? "");
    return { key, operator: operator === "!=" ? "NotIn" : "In", values: [readValue(value)] };
  }
  if (operator === "in" || operator === "notin") {
    return { key, operator: operator === "in" ? "In" : "NotIn", values: readSet(next, tokens) };
  }
  if ((operator === ">" || operator === "<") && /^-?\d+$/.test(peek() ?? "")) {
    return { key, operator: operator === ">" ? "Gt" : "Lt", values: [next() ?? ""] };
  }
  throw refuse(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
}

function readSet(next: () => string | undefined, tokens: string[]): string[] {
  if (next() !== "(") throw refuse("expected: '(' after in or notin");
  const values: string[] = [];
  let text = "";
  for (let i = 0; i <= tokens.length; i++) {
    const token = next();
    if (token === "," || token === ")") {
      values.push(readValue(text));
      text = "";
      if (token === ")") return values;
    } else if (token === undefined || text !== "") break;
    else text = token;
  }
  throw refuse("expected: ')' at the end of the set of values");
}

function readKey(key: string | undefined): string {
  if (key === undefined || !isQualifiedName(key)) {
    throw refuse(`invalid label key ${JSON.stringify(key ?? "")}: must be a qualified name`);
  }
  return key;
}

function readValue(value: string): string {
  if (!isLabelValue(value)) throw refuse(`invalid label value ${JSON.stringify(value)}: must be at most 63 characters`);
  return value;
}

export interface FieldRequirement {
  field: string;
  equal: boolean;
  value: string;
}

/** Parses `metadata.name=a,status.phase!=Running`; backslash escapes `,`, `=` and itself. Throws BadRequest. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (text.length > selectorLimit)
    throw new StatusError("BadRequest", `the field selector is longer than ${selectorLimit} characters`);
  const parts = text.match(/(?:\\.|[^,\\])+/gs) ?? [];
  return parts.map((part) => {
    const match = /^([^!=]+)(!=|==?)(.*)$/s.exec(part);
    if (!match) throw new StatusError("BadRequest", `invalid selector: '${text}'; can't understand '${part}'`);
    const [, field = "", operator, value = ""] = match;
    return { field: field.trim(), equal: operator !== "!=", value: value.replace(/\\(.)/gs, "$1") };
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
