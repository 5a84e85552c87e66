// Conditions on an object: label-selector syntax over paths into it, such as `status.succeeded > 2, status.failed = 0`.
import { ExpressionError } from "./error.ts";

export type Condition = { path: string } & (
  | { is: "exists" | "absent" }
  | { is: "in" | "not in"; values: string[] }
  | { is: "greater" | "less"; value: number }
);

const sourceLimit = 10_000;
const path = "[\\w.#\\-\\[\\]/\\\\]+";
const setPattern = new RegExp(`^(${path})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const comparePattern = new RegExp(`^(${path})\\s*(==|=|!=|>|<)\\s*(.*)$`);
const existsPattern = new RegExp(`^(!?)\\s*(${path})$`);

/** Requirements joined by commas: all must hold. @throws ExpressionError for what cannot be read. */
export function parseConditions(text: string): Condition[] {
  if (text.length > sourceLimit) throw new ExpressionError(`a condition is longer than ${sourceLimit} characters`);
  if (text.trim() === "") return [];
  // Commas outside of parentheses separate.
  const parts = text.split(/,(?![^(]*\))/);
  return parts.map((part) => parseCondition(part.trim()));
}

function parseCondition(text: string): Condition {
  const set = setPattern.exec(text);
  if (set) {
    const values = (set[3] ?? "").split(",").map((value) => readValue(value.trim(), text));
    return { path: set[1] ?? "", is: set[2] === "in" ? "in" : "not in", values };
  }
  const compared = comparePattern.exec(text);
  if (compared) {
    const [, where = "", operator, value = ""] = compared;
    if (operator === ">" || operator === "<") {
      if (!/^-?\d+$/.test(value)) {
        throw new ExpressionError(`condition ${JSON.stringify(text)}: ${operator} needs a whole number`);
      }
      return { path: where, is: operator === ">" ? "greater" : "less", value: Number(value) };
    }
    return { path: where, is: operator === "!=" ? "not in" : "in", values: [readValue(value, text)] };
  }
  const there = existsPattern.exec(text);
  if (!there) {
    throw new ExpressionError(
      `condition ${JSON.stringify(text)} cannot be read: write path, !path, path = value, path != value, path in (a, b), path notin (a, b), path > 1 or path < 1`,
    );
  }
  return { path: there[2] ?? "", is: there[1] ? "absent" : "exists" };
}

/** Values are those that labels may have. */
function readValue(value: string, text: string): string {
  if (value === "" || (value.length <= 63 && /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?$/.test(value))) return value;
  throw new ExpressionError(
    `condition ${JSON.stringify(text)}: ${JSON.stringify(value)} must be at most 63 letters, digits, -, _ and ., without quotes`,
  );
}

/** Whether a condition is met by an object. */
export function holdsFor(condition: Condition, object: unknown): boolean {
  const value = valueAt(object, condition.path);
  switch (condition.is) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && condition.values.includes(textOf(value));
    case "not in":
      return value === undefined || !condition.values.includes(textOf(value));
    case "greater":
      return isWhole(value) && Number(value) > condition.value;
    case "less":
      return isWhole(value) && Number(value) < condition.value;
  }
}

/** Only whole numbers, also as text, are compared. */
const isWhole = (value: unknown) => value !== undefined && /^[+-]?\d+$/.test(textOf(value));
const textOf = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** Names and numbers joined by dots; `#` is the number of a list's elements. */
function valueAt(object: unknown, where: string): unknown {
  let value = object;
  for (const part of where.split(/(?<!\\)\./).map((piece) => piece.replaceAll("\\.", "."))) {
    if (Array.isArray(value)) value = part === "#" ? value.length : value[Number(part)];
    else if (typeof value === "object" && value !== null && Object.hasOwn(value, part))
      value = (value as Record<string, unknown>)[part];
    else return undefined;
  }
  return value;
}
