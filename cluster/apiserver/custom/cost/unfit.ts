import type { ASTNode } from "@marcbachmann/cel-js";

/** An expression that the types of what it speaks of do not allow. Worded and marked as cel-go does. */
export class Unfit extends Error {
  constructor(at: ASTNode, detail: string) {
    const { input } = at;
    const pos = positionOf(at);
    const before = input.slice(0, pos);
    const line = before.split("\n").length;
    const column = pos - (before.lastIndexOf("\n") + 1);
    const source = input.split("\n")[line - 1] ?? "";
    super(`ERROR: <input>:${line}:${column + 1}: ${detail}\n | ${source}\n | ${".".repeat(column)}^`);
    this.name = "Unfit";
  }
}

/** Where cel-go says that a part of an expression is: at its operator, its dot, or the bracket of its call. */
function positionOf(at: ASTNode): number {
  const { input, op, start, pos } = at;
  const after = (part: { end: number }, sign: string) => {
    const found = input.indexOf(sign, part.end);
    return found < 0 ? pos : found;
  };
  switch (op) {
    case "value":
    case "id":
    case "list":
    case "map":
    case "!_":
    case "-_":
    case "?:":
    case "||":
    case "&&":
      return start;
    case ".":
      return after(at.args[0], ".");
    case ".?":
      return after(at.args[0], ".?");
    case "[]":
    case "[?]":
      return after(at.args[0], "[");
    case "call":
      return after({ end: start }, "(");
    case "rcall":
      return after({ end: after(at.args[1], `.${at.args[0]}`) }, "(");
    default:
      return after(at.args[0], op);
  }
}
