// Conditions on an object: label-selector syntax over paths into it, such as `status.succeeded > 2, status.failed = 0`.

export type Condition = { path: string } & (
  | { is: "exists" | "absent" }
  | { is: "in" | "not in"; values: string[] }
  | { is: "greater" | "less"; value: number }
);

/** @throws Error for what cannot be read. */
export function parseConditions(text: string): Condition[] {
  return split(text).map(parseCondition);
}

/** Commas outside of parentheses separate. */
function split(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim()).filter(Boolean); // biome-ignore format: one thought
}

function parseCondition(text: string): Condition {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const values = (set[3] ?? "").split(",").map((value) => value.trim());
    return { path: set[1] ?? "", is: set[2] === "in" ? "in" : "not in", values };
  }
  const compared = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*(.*)$/.exec(text);
  if (compared) {
    const [, path = "", operator, value = ""] = compared;
    if (operator === ">" || operator === "<") {
      if (!/^-?\d+$/.test(value))
        throw new Error(`condition ${JSON.stringify(text)}: ${operator} needs a whole number`);
      return { path, is: operator === ">" ? "greater" : "less", value: Number(value) };
    }
    return { path, is: operator === "!=" ? "not in" : "in", values: [value] };
  }
  const there = /^(!?)\s*([\w.#\-[\]]+)$/.exec(text);
  if (!there) throw new Error(`condition ${JSON.stringify(text)} cannot be read`);
  return { path: there[2] ?? "", is: there[1] ? "absent" : "exists" };
}

export function holds(condition: Condition, object: unknown): boolean {
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
      return value !== undefined && Number(value) > condition.value;
    case "less":
      return value !== undefined && Number(value) < condition.value;
  }
}

const textOf = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** Names and numbers joined by dots; `#` is the number of a list's elements. */
function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split(/(?<!\\)\./).map((piece) => piece.replaceAll("\\.", "."))) {
    if (Array.isArray(value)) value = part === "#" ? value.length : value[Number(part)];
    else if (typeof value === "object" && value !== null && Object.hasOwn(value, part))
      value = (value as Record<string, unknown>)[part];
    else return undefined;
  }
  return value;
}
