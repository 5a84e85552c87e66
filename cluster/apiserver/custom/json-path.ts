// The simple JSONPath of printer columns, scale paths and selectable fields: .a.b, ['c'], [0], [*], [?(@.x=="y")].
type Step = { name: string } | { index: number } | { every: true } | { key: string[]; equals: unknown };

/** Throws SyntaxError for a path outside this subset. */
export function parsePath(path: string): Step[] {
  const steps: Step[] = [];
  const token =
    /\.?([\w-]+|\*)|\[\s*(?:(-?\d+)|\*|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|\?\(\s*@((?:\.[\w-]+)+)\s*==\s*("[^"]*"|'[^']*'|[\w.-]+)\s*\))\s*\]/y;
  const text = path
    .replace(/^\{(.*)\}$/s, "$1")
    .replace(/^\$/, "")
    .replaceAll("\\.", "\u0000");
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) throw new SyntaxError(`cannot read the JSONPath ${JSON.stringify(path)}`);
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf(match: RegExpExecArray): Step {
  const [whole, name, index, single, double, filter, value] = match;
  if (whole.startsWith("[")) {
    if (index !== undefined) return { index: Number(index) };
    const key = single ?? double;
    if (key !== undefined) return { name: key.replace(/\\(.)/g, "$1").replaceAll("\u0000", ".") };
    if (filter !== undefined) {
      const text = value ?? "";
      const equals = /^["']/.test(text)
        ? text.slice(1, -1)
        : text === "true"
          ? true
          : text === "false"
            ? false
            : Number(text);
      return { key: filter.slice(1).split("."), equals };
    }
    return { every: true };
  }
  return name === "*" ? { every: true } : { name: (name ?? "").replaceAll("\u0000", ".") };
}

/** Every value that a path finds. */
export function findAll(object: unknown, steps: readonly Step[]): unknown[] {
  let found = [object];
  for (const step of steps) found = found.flatMap((value) => take(value, step));
  return found.filter((value) => value !== undefined);
}

function take(value: unknown, step: Step): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if ("name" in step) return Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
  if ("index" in step) return Array.isArray(value) ? [value.at(step.index)] : [];
  if ("every" in step) return Object.values(value);
  if (!Array.isArray(value)) return [];
  return value.filter((item) => {
    let at: unknown = item;
    for (const part of step.key) at = (at as Record<string, unknown> | undefined)?.[part];
    return at === step.equals;
  });
}
