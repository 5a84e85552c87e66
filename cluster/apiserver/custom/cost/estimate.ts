// Estimates what an expression can cost at most, from the sizes that a schema allows; finds fields that it does not have.
// Source: cel-go's checker/cost.go.
import type { ASTNode } from "@marcbachmann/cel-js";
import { type CallEstimate, estimateCall, type Operand, resultOf, sizeOf } from "./calls.ts";
import { type Declared, dynamic, listOf, simple, text, truth, whole } from "./declared.ts";
import { listCost, mapCost, perCharacter } from "./limits.ts";
import { type Loop, loopOf, namespaced, presentField } from "./macros.ts";
import { binaryResult } from "./operators.ts";
import { add, exactly, multiply, type Range, scale, union, unknownSize } from "./range.ts";
import { Unfit } from "./unfit.ts";

/** What is known of a part of an expression. */
interface Part extends Operand {
  cost: Range;
  /** Its place in the schema: null beyond what it describes, undefined for what is computed. */
  place: Declared | null | undefined;
  entry?: Range | undefined;
}

export type Variables = ReadonlyMap<string, Declared>;

interface Scope {
  /** What `self` is: sizes of what is iterated over but computed are taken from it, as upstream does. */
  root: Declared;
  variables: ReadonlyMap<string, Part>;
}

export interface Estimate {
  cost: number;
  type: Declared;
  /** Whether nothing can be said of the type before there is a value, as of a field of any object. */
  untyped: boolean;
}

/** @param variables each is a root of its own place. Throws Unfit for what the types do not allow. */
export function estimate(ast: ASTNode, root: Declared, variables: Variables): Estimate {
  const known = new Map<string, Part>();
  for (const [name, type] of variables) known.set(name, part(type, exactly(1), { place: placeOf(type) }));
  const { cost, type } = visit(ast, { root, variables: known });
  const path = ast.op === "." || ast.op === "[]" || ast.op === "id";
  return { cost: cost.max, type, untyped: path && type.kind === "dyn" };
}

const placeOf = (type: Declared) => (type.kind === "optional" ? null : type);
const scalars = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);

function sizeOfType({ kind, element }: Declared): Range | undefined {
  if (scalars.has(kind)) return exactly(1);
  return kind === "optional" && element ? sizeOfType(element) : undefined;
}

function part(type: Declared, cost: Range, rest: Partial<Part> = {}): Part {
  const { place } = rest;
  const placed = place ? { min: 0, max: place.most } : undefined;
  const size = rest.size ?? placed ?? sizeOfType(type);
  const below = place ? place.element : undefined;
  return {
    type,
    cost,
    place,
    size,
    elementSize: below ? { min: 0, max: below.most } : undefined,
    entry: rest.entry,
    literal: rest.literal,
  };
}

function visit(ast: ASTNode, scope: Scope): Part {
  switch (ast.op) {
    case "value":
      return literal(ast.args);
    case "id":
      return scope.variables.get(ast.args) ?? part(simple("type"), exactly(1), { place: scope.root });
    case ".":
      return select(ast, ast.args[0], ast.args[1], scope);
    case ".?":
    case "[?]":
      return optionalSelect(ast, scope);
    case "[]":
      return index(visit(ast.args[0], scope), visit(ast.args[1], scope));
    case "call":
      return ast.args[0] === "has" && ast.args[1][0]
        ? present(ast, ast.args[1][0], scope)
        : call(ast, ast.args[0], undefined, ast.args[1], scope);
    case "rcall":
      return receiverCall(ast, scope);
    case "list":
      return list(ast.args.map((item) => visit(item, scope)));
    case "map":
      return map(ast.args.map(([key, value]) => [visit(key, scope), visit(value, scope)]));
    case "?:":
      return conditional(ast.args.map((item) => visit(item, scope)) as [Part, Part, Part]);
    case "||":
    case "&&": {
      const [a, b] = [visit(ast.args[0], scope), visit(ast.args[1], scope)];
      return part(truth, { min: a.cost.min, max: add(a.cost, b.cost).max });
    }
    case "!_":
    case "-_": {
      if (ast.op === "-_" && ast.args.op === "value") return literal(ast.args.args);
      const of = visit(ast.args, scope);
      return part(ast.op === "!_" ? truth : of.type, add(of.cost, exactly(1)));
    }
    default:
      return binary(ast, visit(ast.args[0], scope), visit(ast.args[1], scope));
  }
}

function literal(value: unknown): Part {
  if (typeof value === "string") return part(text, exactly(0), { size: exactly([...value].length) });
  if (typeof value === "bigint") return part(whole, exactly(0), { size: exactly(1), literal: value });
  if (typeof value === "boolean") return part(truth, exactly(0), { size: exactly(1) });
  if (typeof value === "number") return part(simple("double"), exactly(0), { size: exactly(1) });
  if (value === null) return part(simple("null"), exactly(0), { size: exactly(1) });
  if (value instanceof Uint8Array) return part(simple("bytes"), exactly(0), { size: exactly(value.length) });
  return part(simple("uint"), exactly(0), { size: exactly(1) });
}

/** The type of a field. Throws Unfit when an object has no such field. */
function fieldOf(ast: ASTNode, of: Declared, name: string): Declared {
  if (of.kind === "object") {
    const field = of.fields?.get(name);
    if (!field) throw new Unfit(ast, `undefined field '${name}'`);
    return field;
  }
  if (of.kind === "map") return of.element ?? dynamic;
  if (of.kind === "optional" && of.element) return { ...simple("optional"), element: fieldOf(ast, of.element, name) };
  if (of.kind === "dyn" || of.kind === "opaque") return dynamic;
  throw new Unfit(ast, `type '${nameOf(of)}' does not support field selection`);
}

const names: Partial<Record<Declared["kind"], string>> = {
  timestamp: "timestamp",
  duration: "duration",
  opaque: "object",
};
export function nameOf({ kind, element }: Declared): string {
  if (kind === "list") return `list(${nameOf(element ?? dynamic)})`;
  if (kind === "map") return `map(string, ${nameOf(element ?? dynamic)})`;
  if (kind === "optional") return `optional_type(${nameOf(element ?? dynamic)})`;
  return names[kind] ?? kind;
}

const below = (place: Part["place"], name: string): Part["place"] =>
  place === undefined ? null : (place?.fields?.get(name) ?? null);

function select(ast: ASTNode, operand: ASTNode, name: string, scope: Scope): Part {
  const of = visit(operand, scope);
  const type = fieldOf(ast, of.type, name);
  const own = of.type.kind === "map" || of.type.kind === "object" ? 1 : 0;
  return part(type, add(of.cost, exactly(own)), { place: below(of.place, name) });
}

/** has(a.b) costs what it looks into. */
function present(call: ASTNode, ast: ASTNode, scope: Scope): Part {
  if (ast.op !== ".") return part(truth, visit(ast, scope).cost);
  const of = visit(ast.args[0], scope);
  fieldOf(call, of.type, ast.args[1]);
  return part(truth, of.cost);
}

function optionalSelect(ast: ASTNode & { op: ".?" | "[?]" }, scope: Scope): Part {
  const of = visit(ast.args[0], scope);
  const inner = of.type.kind === "optional" ? (of.type.element ?? dynamic) : of.type;
  const element = ast.op === ".?" ? fieldOf(ast, inner, ast.args[1]) : (inner.element ?? dynamic);
  const key = ast.op === ".?" ? exactly(0) : visit(ast.args[1], scope).cost;
  return part({ ...simple("optional"), element }, add(of.cost, key, exactly(1)));
}

function index(of: Part, key: Part): Part {
  const element = of.type.element ?? dynamic;
  const place = of.place ? (of.place.element ?? null) : null;
  return part(element, add(of.cost, key.cost, exactly(1)), { place, ...(of.entry ? { size: of.entry } : {}) });
}

function list(items: Part[]): Part {
  const cost = add(exactly(listCost), ...items.map((item) => item.cost));
  const entry = items.map((item) => item.size ?? unknownSize).reduce<Range | undefined>(unionOrFirst, undefined);
  const [first] = items;
  const alike = first && items.every((item) => item.type.kind === first.type.kind);
  return part(listOf(alike ? first.type : dynamic), cost, {
    size: exactly(items.length),
    entry: entry ?? exactly(0),
  });
}
const unionOrFirst = (all: Range | undefined, one: Range) => (all ? union(all, one) : one);

function map(entries: Part[][]): Part {
  const cost = add(exactly(mapCost), ...entries.flat().map((item) => item.cost));
  const values = entries.map(([, value]) => value?.size ?? unknownSize);
  return part({ ...simple("map"), element: entries[0]?.[1]?.type ?? dynamic }, cost, {
    size: exactly(entries.length),
    entry: values.reduce<Range | undefined>(unionOrFirst, undefined) ?? exactly(0),
  });
}

function conditional([condition, yes, no]: [Part, Part, Part]): Part {
  return part(yes.type.kind === no.type.kind ? yes.type : dynamic, add(condition.cost, union(yes.cost, no.cost)), {
    size: union(sizeOf(yes), sizeOf(no)),
    entry: yes.entry && no.entry ? union(yes.entry, no.entry) : undefined,
  });
}

function receiverCall(ast: ASTNode & { op: "rcall" }, scope: Scope): Part {
  const [name, receiver, args] = ast.args;
  const full = namespaced(name, receiver);
  if (full === "cel.bind") return bind(args, scope);
  if (full) return call(ast, full, undefined, args, scope);
  const loop = loopOf(name, args.length);
  if (loop && args[0]?.op === "id") return repeat(loop, visit(receiver, scope), args, scope);
  if (name === presentField && receiver.op === ".?") {
    const of = visit(receiver.args[0], scope);
    fieldOf(receiver, of.type.kind === "optional" ? (of.type.element ?? dynamic) : of.type, receiver.args[1]);
    return part(truth, of.cost);
  }
  return call(ast, name, visit(receiver, scope), args, scope);
}

function call(_ast: ASTNode, name: string, target: Part | undefined, given: ASTNode[], scope: Scope): Part {
  const args = given.map((arg) => visit(arg, scope));
  const [first] = args;
  if (name === "dyn" && first) return { ...first, type: dynamic, cost: add(first.cost, exactly(1)) };
  const own: CallEstimate = estimateCall(name, target, args);
  const cost = add(target?.cost ?? exactly(0), own.cost, ...args.map((arg) => arg.cost));
  return part(resultOf(name, target, args), cost, own.size ? { size: own.size } : {});
}

const withVariable = (scope: Scope, name: string, value: Part): Scope => ({
  ...scope,
  variables: new Map([...scope.variables, [name, value]]),
});

function bind([name, value, body]: ASTNode[], scope: Scope): Part {
  if (name?.op !== "id" || !value || !body) return part(dynamic, exactly(1));
  const bound = visit(value, scope);
  const result = visit(body, withVariable(scope, name.args, { ...bound, cost: exactly(1) }));
  return { ...result, cost: add(exactly(listCost), bound.cost, result.cost) };
}

/** A loop over a list's elements, or a map's keys. */
function repeat(loop: Loop, range: Part, [name, ...bodies]: ASTNode[], scope: Scope): Part {
  if (name?.op !== "id") return part(dynamic, exactly(1));
  const overMap = range.type.kind === "map";
  const elementType = overMap ? text : (range.type.element ?? dynamic);
  const place = range.place === undefined ? scope.root : ((overMap ? text : range.place?.element) ?? null);
  const entry = overMap ? undefined : range.entry;
  const element = part(elementType, exactly(1), { place, ...(place || !entry ? {} : { size: entry }) });
  const inner = withVariable(scope, name.args, element);
  const parts = bodies.map((body) => visit(body, inner));
  const last = parts.at(-1) as Part;
  const step =
    parts.length === 2 || loop.gives !== "transformed"
      ? add((parts[0] as Part).cost, union(add(exactly(loop.held), transformCost(parts)), exactly(loop.failed)))
      : add(last.cost, exactly(loop.held));
  const count = sizeOf(range);
  const cost = add(range.cost, multiply(count, step), exactly(loop.around));
  if (loop.gives === "truth") return part(truth, cost, { size: exactly(1) });
  const item = loop.gives === "elements" ? element : last;
  const size = item.size ?? unknownSize;
  return part(listOf(item.type), cost, { size: count, entry: union(exactly(0), size) });
}

const transformCost = ([, transform]: Part[]) => transform?.cost ?? exactly(0);

function binary(ast: ASTNode, a: Part, b: Part): Part {
  const operands = add(a.cost, b.cost);
  const type = binaryResult(ast, a.type, b.type);
  const dynamicOperands = a.type.kind === "dyn" || b.type.kind === "dyn";
  const of = (kind: Declared["kind"]) => a.type.kind === kind || b.type.kind === kind;
  switch (ast.op) {
    case "in":
      return part(type, add(operands, b.type.kind === "map" ? exactly(1) : sizeOf(b)));
    case "+": {
      const size = add(sizeOf(a), sizeOf(b));
      if (of("list")) {
        const entry = a.entry && b.entry ? union(a.entry, b.entry) : undefined;
        return part(type, add(operands, exactly(1)), { size, entry });
      }
      if (of("string") || of("bytes")) return part(type, add(operands, scale(size, perCharacter)), { size });
      const cost = dynamicOperands ? union(scale(size, perCharacter), exactly(1)) : exactly(1);
      return part(type, add(operands, cost), dynamicOperands ? { size } : {});
    }
    case "==":
    case "!=":
      if (of("opaque")) return part(type, add(operands, exactly(1)));
      return part(type, add(operands, comparison(a, b)));
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const textual = of("string") || of("bytes");
      if (textual || dynamicOperands) {
        const cost = textual ? comparison(a, b) : union(comparison(a, b), exactly(1));
        return part(type, add(operands, cost));
      }
      return part(type, add(operands, exactly(1)));
    }
    default:
      return part(type, add(operands, exactly(1)));
  }
}

/** As long as the shorter of the two. */
function comparison(a: Part, b: Part): Range {
  const max = Math.min(sizeOf(a).max, sizeOf(b).max);
  return scale({ min: max > 0 ? 1 : 0, max }, perCharacter);
}
