// How functions of Go are called with values: what they take, and what nil becomes.
import { ExpressionError } from "../error.ts";
import { Moment } from "../time/index.ts";
import { isRecord, typeName } from "../values.ts";

export type Callable = (...values: unknown[]) => unknown;

/**
 * What a function takes, by letter: s text, i int, f float, b bool, a anything, d dict, t time. `*` after the last one:
 * any number of it.
 */
export type Signature = string;

const wanted: Record<string, { name: string; zero: unknown; fits: (value: unknown) => boolean }> = {
  s: { name: "string", zero: "", fits: (value) => typeof value === "string" },
  i: { name: "int", zero: 0n, fits: (value) => typeof value === "bigint" },
  f: { name: "float64", zero: 0, fits: (value) => typeof value === "number" },
  b: { name: "bool", zero: false, fits: (value) => typeof value === "boolean" },
  a: { name: "interface {}", zero: null, fits: () => true },
  d: { name: "map[string]interface {}", zero: null, fits: isRecord },
  t: { name: "time.Time", zero: new Moment(-62_135_596_800_000), fits: (value) => value instanceof Moment },
};

export function callable(name: string, signature: Signature, work: Callable): Callable {
  const variadic = signature.endsWith("*");
  const letters = variadic ? signature.slice(0, -1) : signature;
  const least = variadic ? letters.length - 1 : letters.length;
  return (...values) => {
    if (values.length < least)
      throw new ExpressionError(`sprig.${name}: too few arguments: ${values.length} of ${least}`);
    if (!variadic && values.length > least) {
      throw new ExpressionError(`sprig.${name}: too many arguments: ${values.length} of ${least}`);
    }
    const given = values.map((value, i) => {
      const type = wanted[letters[Math.min(i, letters.length - 1)] ?? "a"];
      if (!type) return value;
      if (value === null || value === undefined) return type.zero;
      if (type.fits(value)) return value;
      throw new ExpressionError(`sprig.${name}: cannot use ${typeName(value)} as ${type.name}`);
    });
    return work(...given);
  };
}

/** Most characters or elements that one function makes. */
const sizeLimit = 1_000_000;
export function limitSize(name: string, size: number): void {
  if (size > sizeLimit) throw new ExpressionError(`sprig.${name} makes more than ${sizeLimit} characters or elements`);
}
