import type * as Cel from "@marcbachmann/cel-js";

/** Adds a function under a signature such as `list.min(): dyn`; a namespace is the first value of its functions. */
export type Define = (signature: string, run: (...values: never[]) => unknown) => void;

/** What a room of functions is added to. */
export interface Library {
  define: Define;
  /** A type of its own, and where `name` is given a constant that its functions hang on, as in `sets.contains(a, b)`. */
  type(type: string, of: new (...values: never[]) => object, name?: string): void;
  /** What `==` and `!=` mean between two of a type. */
  equals<T>(type: string, same: (a: T, b: T) => boolean): void;
  cel: typeof Cel;
}

export function libraryOf(cel: typeof Cel, environment: Cel.Environment): Library {
  return {
    cel,
    define: (signature, run) => void environment.registerFunction(signature, run as never),
    equals: (type, same) => void environment.registerOperator(`${type} == ${type}`, same as never),
    type(type, of, name) {
      environment.registerType(type, of as never);
      if (name) environment.registerConstant(name, type, new of() as never);
    },
  };
}

type Ordered = bigint | number | string | boolean;
export const compare = (a: unknown, b: unknown): number =>
  (a as Ordered) < (b as Ordered) ? -1 : (a as Ordered) > (b as Ordered) ? 1 : 0;
