import type { ASTNode } from "@marcbachmann/cel-js";
import { type Declared, dynamic, truth } from "./declared.ts";
import { Unfit } from "./unfit.ts";

const numbers = new Set(["int", "uint", "double"]);
const comparable = new Set(["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"]);
const plain = new Set([...comparable, "null"]);
const comparisons = new Set(["<", "<=", ">", ">="]);
const equalities = new Set(["==", "!="]);

/** The type of an operator's result. Throws Unfit where both operands are of plain types that do not go together. */
export function binaryResult(ast: ASTNode, a: Declared, b: Declared): Declared {
  const { op } = ast;
  if (comparisons.has(op) || equalities.has(op)) {
    const known = plain.has(a.kind) && plain.has(b.kind);
    const alike = a.kind === b.kind || (comparisons.has(op) && numbers.has(a.kind) && numbers.has(b.kind));
    if (known && !alike && !absence(a, b)) throw unfit(ast, a, b);
    return truth;
  }
  if (op === "in") return truth;
  if (op === "%") return a.kind === "dyn" ? b : a;
  if (numbers.has(a.kind) && numbers.has(b.kind) && a.kind !== b.kind) throw unfit(ast, a, b);
  if (a.kind === "dyn" || b.kind === "dyn") {
    const known = a.kind === "dyn" ? b : a;
    // Times go together with more than their like.
    return known.kind === "timestamp" || known.kind === "duration" ? dynamic : known;
  }
  if (op === "+" || op === "-") return arithmetic(ast, a, b);
  return a;
}

const absent = new Set(["null", "timestamp", "duration"]);
/** Times may be compared with null. */
const absence = (a: Declared, b: Declared) =>
  (a.kind === "null" || b.kind === "null") && absent.has(a.kind) && absent.has(b.kind);

function arithmetic(ast: ASTNode, a: Declared, b: Declared): Declared {
  const time = (kind: string) => kind === "timestamp" || kind === "duration";
  if (time(a.kind) && time(b.kind)) {
    if (ast.op === "-" && a.kind === b.kind) return { kind: "duration", most: 0, least: 3 };
    return a.kind === "timestamp" ? a : b;
  }
  if (plain.has(a.kind) && plain.has(b.kind) && a.kind !== b.kind) throw unfit(ast, a, b);
  return a;
}

function unfit(ast: ASTNode, a: Declared, b: Declared): Unfit {
  return new Unfit(ast, `found no matching overload for '_${ast.op}_' applied to '(${a.kind}, ${b.kind})'`);
}
