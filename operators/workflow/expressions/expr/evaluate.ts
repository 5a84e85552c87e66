// Evaluates trees of expr-lang over plain data. Nothing outside of the environment is reachable, and work is bounded.
import { ExpressionError, UnresolvedError } from "../error.ts";
import { isRecord, typeName } from "../values.ts";
import type { Expression } from "./ast.ts";
import { builtins } from "./builtins.ts";
import { memoryLimit, stepLimit } from "./limits.ts";
import { binaryOperation, isIn, memberOf, negate, rangeOf, sliceOf } from "./operations.ts";
import { type Budget, listOf, noElement, type Predicate, predicateBuiltins } from "./predicates.ts";
import { callTimeMethod } from "./time-methods.ts";

export interface World {
  find(name: string): unknown;
  has(name: string): boolean;
  environment: unknown;
}

interface Pointer {
  element: unknown;
  index: number;
  accumulator: unknown;
}

/** What `?.` leaves behind on nil, up to the end of its chain. */
const broken = Symbol("broken chain");

export function runExpression(tree: Expression, world: World): unknown {
  return new Evaluator(world).evaluate(tree);
}

class Evaluator {
  readonly #world: World;
  readonly #variables = new Map<string, unknown>();
  readonly #pointers: Pointer[] = [];
  #steps = 0;
  #memory = 0;
  readonly #budget: Budget = (amount) => {
    this.#memory += amount;
    if (this.#memory >= memoryLimit) {
      throw new ExpressionError(`memory budget exceeded: more than ${memoryLimit} elements or characters`);
    }
  };

  constructor(world: World) {
    this.#world = world;
  }

  evaluate(tree: Expression): unknown {
    if (++this.#steps > stepLimit) throw new ExpressionError(`expression takes more than ${stepLimit} steps`);
    switch (tree.is) {
      case "nil":
        return null;
      case "boolean":
      case "int":
      case "float":
      case "text":
        return tree.value;
      case "name":
        return this.#name(tree.name);
      case "pointer":
        return this.#pointer(tree.name);
      case "unary":
        return this.#unary(tree.operator, this.evaluate(tree.operand));
      case "binary":
        return this.#binary(tree);
      case "conditional":
        return this.evaluate(this.#truth(this.evaluate(tree.test)) ? tree.yes : tree.no);
      case "chain": {
        const value = this.evaluate(tree.body);
        return value === broken ? null : value;
      }
      case "member":
        return this.#member(tree);
      case "slice":
        return this.#slice(tree);
      case "call":
        return this.#call(tree);
      case "builtin":
        return this.#builtin(tree.name, tree.arguments);
      case "predicate":
        return this.evaluate(tree.body);
      case "array":
        this.#budget(tree.items.length);
        return tree.items.map((item) => this.evaluate(item));
      case "map":
        return this.#map(tree.entries);
      case "let":
        return this.#let(tree);
      case "sequence":
        return tree.items.map((item) => this.evaluate(item)).at(-1);
    }
  }

  #name(name: string): unknown {
    if (this.#variables.has(name)) return this.#variables.get(name);
    if (name === "$env") return this.#world.environment;
    if (this.#world.has(name)) return this.#world.find(name);
    // A function that is not called is nothing.
    if (Object.hasOwn(builtins, name) || Object.hasOwn(predicateBuiltins, name)) return null;
    throw new UnresolvedError(`unknown name ${name}`);
  }

  #pointer(name: string): unknown {
    const pointer = this.#pointers.at(-1);
    if (!pointer) throw new ExpressionError("cannot use pointer accessor outside predicate");
    if (name === "" && pointer.element === noElement) throw new ExpressionError("a map has no elements by number");
    if (name === "index") return BigInt(pointer.index);
    return name === "acc" ? pointer.accumulator : pointer.element;
  }

  #truth(value: unknown): boolean {
    if (typeof value === "boolean") return value;
    throw new ExpressionError(`${typeName(value)} is not bool`);
  }

  #unary(operator: string, value: unknown): unknown {
    if (operator === "not") return !this.#truth(value);
    return operator === "-" ? negate(value) : value;
  }

  #binary({ operator, left, right }: Extract<Expression, { is: "binary" }>): unknown {
    const isAnd = operator === "&&" || operator === "and";
    if (isAnd || operator === "||" || operator === "or") return this.#logical(isAnd, left, right);
    const first = operator === "??" ? this.#optional(left) : this.evaluate(left);
    switch (operator) {
      case "??":
        return first ?? this.evaluate(right);
      case "in":
        return isIn(first, this.evaluate(right));
      case "..":
        return rangeOf(first, this.evaluate(right), this.#budget);
    }
    return binaryOperation(operator, first, this.evaluate(right));
  }

  /** As upstream, a constant on one side decides without the other, or leaves the other as it is; so does what stands last. */
  #logical(isAnd: boolean, left: Expression, right: Expression): unknown {
    const constants = [left, right].map((side) => (side.is === "boolean" ? side.value : undefined));
    if (constants.includes(!isAnd)) return !isAnd;
    if (constants[1] === isAnd) return this.evaluate(left);
    if (constants[0] === isAnd || this.#truth(this.evaluate(left)) === isAnd) return this.evaluate(right);
    return !isAnd;
  }

  /** What is absent, at any depth below a name that is there, is nil: a task that did not run has no outputs at all. */
  #optional(tree: Expression): unknown {
    try {
      return this.evaluate(tree);
    } catch (error) {
      if (error instanceof UnresolvedError) return null;
      throw error;
    }
  }

  #member({ object, key, optional }: Extract<Expression, { is: "member" }>): unknown {
    const base = this.evaluate(object);
    if (base === broken || (optional && (base === null || base === undefined))) return broken;
    return memberOf(base, this.evaluate(key));
  }

  #slice({ object, from, to }: Extract<Expression, { is: "slice" }>): unknown {
    const base = this.evaluate(object);
    if (base === broken) return broken;
    return sliceOf(base, from && this.evaluate(from), to && this.evaluate(to));
  }

  #map(entries: [Expression, Expression][]): Record<string, unknown> {
    this.#budget(entries.length);
    const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of entries) {
      const name = this.evaluate(key);
      if (typeof name !== "string") throw new ExpressionError(`a map's key is a string, not ${typeName(name)}`);
      map[name] = this.evaluate(value);
    }
    return map;
  }

  #let({ name, value, body }: Extract<Expression, { is: "let" }>): unknown {
    this.#variables.set(name, this.evaluate(value));
    const result = this.evaluate(body);
    this.#variables.delete(name);
    return result;
  }

  #call({ callee, arguments: args }: Extract<Expression, { is: "call" }>): unknown {
    if (callee.is === "member") {
      const base = this.evaluate(callee.object);
      if (base === broken || (callee.optional && (base === null || base === undefined))) return broken;
      const key = this.evaluate(callee.key);
      if (
        typeof key === "string" &&
        typeof base === "object" &&
        base !== null &&
        !isRecord(base) &&
        !Array.isArray(base)
      ) {
        return callTimeMethod(
          base,
          key,
          args.map((argument) => this.evaluate(argument)),
        );
      }
      return this.#invoke(memberOf(base, key), args, String(key));
    }
    const target = this.evaluate(callee);
    return target === broken ? broken : this.#invoke(target, args, callee.is === "name" ? callee.name : "function");
  }

  #invoke(target: unknown, args: Expression[], name: string): unknown {
    const values = args.map((argument) => this.evaluate(argument));
    if (typeof target === "function") return (target as (...values: unknown[]) => unknown)(...values);
    if (target === null || target === undefined) throw new UnresolvedError(`there is no function ${name}`);
    throw new ExpressionError(`invalid operation: cannot call non-function of type ${typeName(target)}`);
  }

  #builtin(name: string, args: Expression[]): unknown {
    const withPredicate = Object.hasOwn(predicateBuiltins, name) ? predicateBuiltins[name] : undefined;
    if (!withPredicate) {
      const builtin = builtins[name];
      if (!builtin) throw new ExpressionError(`unknown builtin ${name}`);
      return builtin(
        args.map((argument) => this.evaluate(argument)),
        this.#budget,
      );
    }
    const [first, body, last] = args;
    if (name === "sum" && !body && first?.is === "array" && isComputed(first.items)) {
      return first.items.map((item) => this.evaluate(item)).reduce((sum, item) => binaryOperation("+", sum, item));
    }
    const list = listOf(this.evaluate(first as Expression), name);
    const predicate: Predicate | undefined =
      body &&
      ((element, index, accumulator) => {
        this.#pointers.push({ element, index, accumulator });
        const value = this.evaluate(body);
        this.#pointers.pop();
        return value;
      });
    return withPredicate(list, predicate, last && (() => this.evaluate(last)), this.#budget);
  }
}

/** As upstream, a list whose elements are not all constants is summed as if they were written with + between them. */
const isComputed = (items: Expression[]) =>
  items.length > 1 && !["int", "text"].some((kind) => items.every((item) => item.is === kind));
