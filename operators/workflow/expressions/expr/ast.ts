// Trees of expr-lang.

export type Expression =
  | { is: "nil" }
  | { is: "boolean"; value: boolean }
  | { is: "int"; value: bigint }
  | { is: "float"; value: number }
  | { is: "text"; value: string }
  | { is: "name"; name: string }
  /** `#`, `#index`, `#acc` inside a predicate. */
  | { is: "pointer"; name: string }
  | { is: "unary"; operator: string; operand: Expression }
  | { is: "binary"; operator: string; left: Expression; right: Expression }
  | { is: "conditional"; test: Expression; yes: Expression; no: Expression }
  /** Where `?.` inside finds nil, all of it is nil. */
  | { is: "chain"; body: Expression }
  | { is: "member"; object: Expression; key: Expression; optional: boolean; method: boolean }
  | { is: "slice"; object: Expression; from?: Expression; to?: Expression }
  | { is: "call"; callee: Expression; arguments: Expression[] }
  | { is: "builtin"; name: string; arguments: Expression[] }
  | { is: "predicate"; body: Expression }
  | { is: "array"; items: Expression[] }
  | { is: "map"; entries: [Expression, Expression][] }
  | { is: "let"; name: string; value: Expression; body: Expression }
  | { is: "sequence"; items: Expression[] };

/** The direct parts of a tree. */
export function partsOf(tree: Expression): Expression[] {
  switch (tree.is) {
    case "unary":
      return [tree.operand];
    case "binary":
      return [tree.left, tree.right];
    case "conditional":
      return [tree.test, tree.yes, tree.no];
    case "chain":
    case "predicate":
      return [tree.body];
    case "member":
      return [tree.object, tree.key];
    case "slice":
      return [tree.object, ...(tree.from ? [tree.from] : []), ...(tree.to ? [tree.to] : [])];
    case "call":
      return [tree.callee, ...tree.arguments];
    case "builtin":
      return tree.arguments;
    case "array":
    case "sequence":
      return tree.items;
    case "map":
      return tree.entries.flat();
    case "let":
      return [tree.value, tree.body];
    default:
      return [];
  }
}

/** Every name in a tree, also those that `let` declares. */
export function namesIn(tree: Expression, names = new Set<string>()): Set<string> {
  const open = [tree];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.is === "name") names.add(next.name);
    open.push(...partsOf(next));
  }
  return names;
}

/** `a.b.c` as the names on its way; undefined where a part is computed. */
function pathOf(tree: Expression): string[] | undefined {
  if (tree.is === "name") return [tree.name];
  if (tree.is === "chain") return pathOf(tree.body);
  if (tree.is !== "member" || tree.key.is !== "text") return undefined;
  const path = pathOf(tree.object);
  return path && [...path, tree.key.value];
}

/** Every name in a tree, and every path of members that begins with one. */
export function pathsIn(tree: Expression): string[][] {
  const paths: string[][] = [];
  const open = [tree];
  for (let next = open.pop(); next; next = open.pop()) {
    // What is called is a function, not a value.
    const callee = next.is === "call" ? next.callee : undefined;
    const path = pathOf(next);
    if (path) paths.push(path);
    for (const part of partsOf(next)) if (part !== callee) open.push(part);
    if (callee?.is === "member") open.push(callee.object);
  }
  return paths;
}
