import type { Node } from "./structure.ts";

const step = /^(?:\.?([^.[\]']+)|\[('(?:[^'\\]|\\.)*')\])/;
const escapes: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "'": "'",
  "\\": "\\",
};

/**
 * The path that a rule's fieldPath means below the schema that holds it, as errors name fields: `a.b[key]`.
 * Undefined when it leads nowhere. Source: apiextensions' pkg/apiserver/schema/cel ValidFieldPath.
 */
export function resolveFieldPath(path: string, root: Node): string | undefined {
  if (!path.startsWith(".") && !path.startsWith("[")) return undefined;
  let rest = path;
  let result = "";
  let node: Node | true | undefined = root;
  while (rest !== "") {
    const match = step.exec(rest);
    if (!match || typeof node !== "object") return undefined;
    const name = match[1] ?? unquote(match[2] as string);
    if (name === undefined || (match[1] !== undefined && rest[0] !== ".")) return undefined;
    const field: Node | undefined = node.properties.get(name);
    if (field) {
      result += result === "" ? name : `.${name}`;
      node = field;
    } else if (match[2] !== undefined && node.properties.size === 0 && typeof node.additional === "object") {
      result += `[${name}]`;
      node = node.additional;
    } else return undefined;
    rest = rest.slice(match[0].length);
  }
  return result;
}

function unquote(text: string): string | undefined {
  const inner = text.slice(1, -1);
  if (/\\[^abfnrtv'\\]/.test(inner.replaceAll("\\\\", ""))) return undefined;
  return inner.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}
