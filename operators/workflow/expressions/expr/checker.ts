// Finds type errors before anything is computed, as upstream's compiler does.
import { ExpressionError, UnresolvedError } from "../error.ts";
import { compileRegex } from "../regex/index.ts";
import type { Expression } from "./ast.ts";
import * as N from "./nature.ts";
import { nameOf as say } from "./nature.ts";
import { builtinNature, checkArguments, timeMethods } from "./signatures.ts";

export interface CheckOptions {
  /** What the environment holds under a name; undefined where it has none. */
  find(name: string): N.Nature | undefined;
  isBuiltin(name: string): boolean;
}

/** @throws ExpressionError; UnresolvedError for a name that is not there. */
export function checkExpression(tree: Expression, options: CheckOptions): N.Nature {
  return new Checker(options).visit(tree);
}

interface Scope {
  list: N.Nature;
  pointers: Record<string, N.Nature>;
}

class Checker {
  readonly #options: CheckOptions;
  readonly #variables: { name: string; nature: N.Nature }[] = [];
  readonly #scopes: Scope[] = [];

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  visit(tree: Expression): N.Nature {
    switch (tree.is) {
      case "nil":
        return N.nil;
      case "boolean":
        return N.bool;
      case "int":
        return N.int;
      case "float":
        return N.float;
      case "text":
        return N.string;
      case "name":
        return this.#name(tree.name);
      case "pointer":
        return this.#pointer(tree.name);
      case "unary":
        return this.#unary(tree.operator, this.visit(tree.operand));
      case "binary":
        return this.#binary(tree);
      case "conditional":
        return this.#conditional(tree);
      case "chain":
        return this.visit(tree.body);
      case "predicate":
        return this.visit(tree.body);
      case "member":
        return this.#member(tree);
      case "slice":
        return this.#slice(tree);
      case "call":
        return this.#call(tree);
      case "builtin":
        return this.#builtin(tree);
      case "array":
        return this.#array(tree.items.map((item) => this.visit(item)));
      case "map":
        for (const [key, value] of tree.entries) [this.visit(key), this.visit(value)];
        return N.anyMap;
      case "let":
        return this.#let(tree);
      case "sequence":
        return tree.items.map((item) => this.visit(item)).at(-1) as N.Nature;
    }
  }

  #array(items: N.Nature[]): N.Nature {
    const [first] = items;
    if (!first) return N.anyList;
    const kindOf = ({ kind }: N.Nature) => (kind === "duration" ? "duration" : kind);
    const same = items.every((item) => kindOf(item) === kindOf(first));
    return same && first.kind !== "nil" ? N.listOf(items.at(-1) as N.Nature) : N.anyList;
  }

  #name(name: string): N.Nature {
    const variable = this.#variables.findLast((candidate) => candidate.name === name);
    if (variable) return variable.nature;
    if (name === "$env") return N.unknown;
    const nature = this.#options.find(name);
    if (nature) return nature;
    if (this.#options.isBuiltin(name)) return { kind: "func" };
    throw new UnresolvedError(`unknown name ${name}`);
  }

  #pointer(name: string): N.Nature {
    const scope = this.#scopes.at(-1);
    if (!scope) throw new ExpressionError("cannot use pointer accessor outside predicate");
    if (name === "") return scope.list.kind === "array" ? (scope.list.element ?? N.unknown) : N.unknown;
    const nature = Object.hasOwn(scope.pointers, name) ? scope.pointers[name] : undefined;
    if (!nature) throw new ExpressionError(`unknown pointer #${name}`);
    return nature;
  }

  #unary(operator: string, nature: N.Nature): N.Nature {
    if (operator === "not" && (nature.kind === "bool" || nature.kind === "unknown")) return N.bool;
    if (operator !== "not" && (N.isNumber(nature) || nature.kind === "unknown")) return nature;
    throw new ExpressionError(`invalid operation: ${operator} (mismatched type ${say(nature)})`);
  }

  #binary({ operator, left, right }: Extract<Expression, { is: "binary" }>): N.Nature {
    const [l, r] = [this.visit(left), this.visit(right)];
    if (operator === "??") {
      if (l.kind === "nil") return r;
      return r.kind === "nil" || N.assignable(r, l) ? l : N.unknown;
    }
    if (operator === "in") return this.#in(l, r);
    if (operator === "matches" && right.is === "text") compileRegex(right.value);
    const found = binaryNature(operator, l, r);
    if (found) return found;
    throw new ExpressionError(`invalid operation: ${operator} (mismatched types ${say(l)} and ${say(r)})`);
  }

  #in(left: N.Nature, right: N.Nature): N.Nature {
    if (right.kind === "map") {
      if (!right.anyKey && left.kind !== "unknown" && left.kind !== "string") {
        throw new ExpressionError(`cannot use ${say(left)} as type string in map key`);
      }
      return N.bool;
    }
    if (right.kind === "array") {
      if (!N.comparable(left, right.element ?? N.unknown)) {
        throw new ExpressionError(`cannot use ${say(left)} as type ${say(right.element ?? N.unknown)} in array`);
      }
      return N.bool;
    }
    if (right.kind === "unknown" || (left.kind === "unknown" && right.kind === "string")) return N.bool;
    throw new ExpressionError(`invalid operation: in (mismatched types ${say(left)} and ${say(right)})`);
  }

  #conditional({ test, yes, no }: Extract<Expression, { is: "conditional" }>): N.Nature {
    const condition = this.visit(test);
    if (condition.kind !== "bool" && condition.kind !== "unknown") {
      throw new ExpressionError(`non-bool expression (type ${say(condition)}) used as condition`);
    }
    const [a, b] = [this.visit(yes), this.visit(no)];
    if (a.kind === "nil") return b;
    if (b.kind === "nil") return a;
    if (b.kind === "unknown" || !N.assignable(a, b)) return N.unknown;
    if (a.kind !== "array") return a;
    const [x, y] = [a.element ?? N.unknown, b.element ?? N.unknown];
    return N.assignable(x, y) && N.assignable(y, x) ? a : N.anyList;
  }

  #member({ object, key, method, optional }: Extract<Expression, { is: "member" }>): N.Nature {
    if (object.is === "name" && object.name === "$env") {
      const known = key.is === "text" ? this.#options.find(key.value) : N.unknown;
      return known ?? (optional || key.is !== "text" ? N.unknown : this.#missing(key.value));
    }
    const base = this.visit(object);
    const property = this.visit(key);
    if (base.kind === "unknown") return N.unknown;
    const name = key.is === "text" ? key.value : undefined;
    if (base.kind === "nil") {
      // As when something is missing on the way: it may come.
      throw new UnresolvedError(
        name === undefined ? `type unknown[${say(property)}] is undefined` : `type nil has no field ${name}`,
      );
    }
    const methods = timeMethods(base.kind);
    if (methods && name !== undefined && Object.hasOwn(methods, name)) {
      return { kind: "func", signature: methods[name] as N.Signature };
    }
    if (base.kind === "map") {
      if (!base.anyKey && property.kind !== "string" && property.kind !== "unknown") {
        throw new ExpressionError(`cannot use ${say(property)} to get an element from ${say(base)}`);
      }
      return base.element ?? N.unknown;
    }
    if (base.kind === "array") {
      if (!N.isInteger(property) && property.kind !== "unknown") {
        throw new ExpressionError(`array elements can only be selected using an integer (got ${say(property)})`);
      }
      return base.element ?? N.unknown;
    }
    if (name === undefined) throw new ExpressionError(`type ${say(base)}[${say(property)}] is undefined`);
    throw new ExpressionError(`type ${say(base)} has no ${method ? "method" : "field"} ${name}`);
  }
  #missing(name: string): never {
    throw new UnresolvedError(`unknown name ${name}`);
  }

  #slice({ object, from, to }: Extract<Expression, { is: "slice" }>): N.Nature {
    const nature = this.visit(object);
    if (nature.kind === "unknown") return N.unknown;
    if (nature.kind !== "string" && nature.kind !== "array") throw new ExpressionError(`cannot slice ${say(nature)}`);
    for (const bound of [from, to]) {
      const index = bound ? this.visit(bound) : N.int;
      if (!N.isInteger(index) && index.kind !== "unknown") {
        throw new ExpressionError(`non-integer slice index ${say(index)}`);
      }
    }
    return nature;
  }

  #call({ callee, arguments: given }: Extract<Expression, { is: "call" }>): N.Nature {
    const nature = this.visit(callee);
    // As upstream, what is given to a function of which nothing is known is not looked at.
    if (nature.kind === "unknown") return N.unknown;
    const args = given.map((argument) => this.visit(argument));
    const name =
      callee.is === "name"
        ? callee.name
        : callee.is === "member" && callee.key.is === "text"
          ? callee.key.value
          : "function";
    if (nature.kind === "nil") throw new UnresolvedError(`${name} is nil; cannot call nil as function`);
    if (nature.kind !== "func") throw new ExpressionError(`${say(nature)} is not callable`);
    return nature.signature ? checkArguments(name, nature.signature, args) : N.unknown;
  }

  #builtin({ name, arguments: given }: Extract<Expression, { is: "builtin" }>): N.Nature {
    const [first, predicate, last] = given;
    if (!predicateNatures.has(name))
      return builtinNature(
        name,
        given.map((argument) => this.visit(argument)),
      );
    const list = this.visit(first as Expression);
    if (list.kind !== "array" && list.kind !== "unknown") {
      throw new ExpressionError(`builtin ${name} takes only array (got ${say(list)})`);
    }
    const element = list.kind === "array" ? (list.element ?? N.unknown) : N.unknown;
    let out: N.Nature | undefined;
    if (predicate) {
      const pointers: Scope["pointers"] = {};
      if (name === "map" || name === "reduce") pointers.index = N.int;
      if (name === "reduce") pointers.acc = N.unknown;
      this.#scopes.push({ list, pointers });
      out = this.visit(predicate);
      this.#scopes.pop();
      if (out.kind === "nil") throw new ExpressionError("predicate should has one input and one output param");
    }
    if (last) this.visit(last);
    const boolean = out === undefined || out.kind === "bool" || out.kind === "unknown";
    if (testing.has(name) && !boolean) {
      throw new ExpressionError(`predicate should return boolean (got ${say(out as N.Nature)})`);
    }
    if (["all", "any", "one", "none"].includes(name)) return N.bool;
    if (["count", "findIndex", "findLastIndex"].includes(name)) return N.int;
    if (name === "filter") return N.listOf(element);
    if (name === "map") return N.listOf(out ?? N.unknown);
    if (name === "sum") return out ?? element;
    if (name === "find" || name === "findLast") return element;
    if (name === "groupBy") return { kind: "map", anyKey: true, element: N.listOf(element) };
    return name === "sortBy" ? list : (out ?? N.unknown);
  }

  #let({ name, value, body }: Extract<Expression, { is: "let" }>): N.Nature {
    if (this.#options.find(name)) throw new ExpressionError(`cannot redeclare ${name}`);
    if (this.#options.isBuiltin(name)) throw new ExpressionError(`cannot redeclare builtin ${name}`);
    if (this.#variables.some((variable) => variable.name === name)) {
      throw new ExpressionError(`cannot redeclare variable ${name}`);
    }
    this.#variables.push({ name, nature: this.visit(value) });
    const nature = this.visit(body);
    this.#variables.pop();
    return nature;
  }
}

const testing = new Set([
  "all",
  "any",
  "one",
  "none",
  "filter",
  "find",
  "findIndex",
  "findLast",
  "findLastIndex",
  "count",
]);
const predicateNatures = new Set([...testing, "map", "sum", "groupBy", "sortBy", "reduce"]);

type Kind = N.Nature["kind"];
const maybe = (l: N.Nature, r: N.Nature, kinds: Kind[]) => {
  const fits = ({ kind }: N.Nature) => kinds.includes(kind);
  const [a, b] = [l.kind === "unknown", r.kind === "unknown"];
  return (a && b) || (a && fits(r)) || (b && fits(l));
};
const both = (l: N.Nature, r: N.Nature, kind: Kind) => l.kind === kind && r.kind === kind;

/** undefined where the types do not go together. */
function binaryNature(operator: string, l: N.Nature, r: N.Nature): N.Nature | undefined {
  const numbers = N.isNumber(l) && N.isNumber(r);
  const promoted = l.kind === "float" || r.kind === "float" ? N.float : N.int;
  const pair = (kinds: Kind[]) => numbers || kinds.some((kind) => both(l, r, kind));
  switch (operator) {
    case "==":
    case "!=":
      return N.comparable(l, r) ? N.bool : undefined;
    case "or":
    case "||":
    case "and":
    case "&&":
      return both(l, r, "bool") || maybe(l, r, ["bool"]) ? N.bool : undefined;
    case "<":
    case ">":
    case "<=":
    case ">=":
      return pair(["string", "time", "duration"]) || maybe(l, r, ["int", "float", "string", "time", "duration"])
        ? N.bool
        : undefined;
    case "-":
      if (both(l, r, "time")) return N.duration;
      if (l.kind === "time" && r.kind === "duration") return N.time;
      if (both(l, r, "duration")) return N.duration;
      if (numbers) return promoted;
      return maybe(l, r, ["int", "float", "time", "duration"]) ? N.unknown : undefined;
    case "*":
      if (numbers) return promoted;
      if (
        both(l, r, "duration") ||
        (l.kind === "duration" && N.isNumber(r)) ||
        (N.isNumber(l) && r.kind === "duration")
      ) {
        return N.duration;
      }
      return maybe(l, r, ["int", "float", "duration"]) ? N.unknown : undefined;
    case "/":
    case "**":
    case "^":
      return numbers || maybe(l, r, ["int", "float"]) ? N.float : undefined;
    case "%":
      return (N.isInteger(l) && N.isInteger(r)) || maybe(l, r, ["int"]) ? N.int : undefined;
    case "+":
      if (both(l, r, "string")) return N.string;
      if (l.kind === "time" ? r.kind === "duration" : l.kind === "duration" && r.kind === "time") return N.time;
      if (both(l, r, "duration")) return N.duration;
      if (numbers) return promoted;
      return maybe(l, r, ["int", "float", "string", "time", "duration"]) ? N.unknown : undefined;
    case "..":
      return (N.isInteger(l) && N.isInteger(r)) || maybe(l, r, ["int"]) ? N.listOf(N.int) : undefined;
    default:
      // matches, contains, startsWith, endsWith
      return both(l, r, "string") || maybe(l, r, ["string"]) ? N.bool : undefined;
  }
}
