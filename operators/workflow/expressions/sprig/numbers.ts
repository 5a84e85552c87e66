// sprig's arithmetic.
import { ExpressionError } from "../error.ts";
import { wrap } from "../expr/operations.ts";
import { format } from "../values.ts";
import { type Callable, limitSize, type Signature } from "./call.ts";
import { castFloat, castInt } from "./cast.ts";

function divide(a: bigint, b: bigint): void {
  if (b === 0n) throw new ExpressionError("sprig: integer divide by zero");
  void a;
}

/** Exact on decimals, as the library that sprig uses: 0.1 + 0.2 is 0.3. */
interface Decimal {
  value: bigint;
  /** Digits after the point. */
  scale: number;
}
function decimal(value: number): Decimal {
  if (!Number.isFinite(value)) throw new ExpressionError(`sprig: cannot compute with ${format(value)}`);
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const [whole = "", part = ""] = digits.split(".");
  const scale = part.length - Number(exponent);
  const unscaled = BigInt(whole + part);
  return scale >= 0 ? { value: unscaled, scale } : { value: unscaled * 10n ** BigInt(-scale), scale: 0 };
}
const toNumber = ({ value, scale }: Decimal) => Number(`${value}e-${scale}`);
function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [a.value * 10n ** BigInt(scale - a.scale), b.value * 10n ** BigInt(scale - b.scale), scale];
}
/** Digits that division keeps after the point. */
const divisionDigits = 16;
const operations: Record<string, (a: Decimal, b: Decimal) => Decimal> = {
  add(a, b) {
    const [x, y, scale] = aligned(a, b);
    return { value: x + y, scale };
  },
  sub(a, b) {
    const [x, y, scale] = aligned(a, b);
    return { value: x - y, scale };
  },
  mul: (a, b) => ({ value: a.value * b.value, scale: a.scale + b.scale }),
  div(a, b) {
    if (b.value === 0n) throw new ExpressionError("sprig: decimal division by 0");
    const [x, y] = aligned(a, b);
    const scaled = x * 10n ** BigInt(divisionDigits);
    const rest = scaled % y;
    const half = (rest < 0n ? -rest : rest) * 2n >= (y < 0n ? -y : y);
    const up = half ? (scaled < 0n === y < 0n ? 1n : -1n) : 0n;
    return { value: scaled / y + up, scale: divisionDigits };
  },
};
const chain = (name: string, first: unknown, rest: unknown[]) => {
  let result = decimal(castFloat(first));
  for (const value of rest) result = operations[name]?.(result, decimal(castFloat(value))) ?? result;
  return toNumber(result);
};

function steps(name: string, start: bigint, stop: bigint, step: bigint): bigint[] {
  const down = stop < start;
  if (down ? step >= 0n : step <= 0n) return [];
  const items: bigint[] = [];
  const span = down ? start - stop : stop - start;
  limitSize(name, Number(span / (step < 0n ? -step : step)));
  for (let i = start; down ? i > stop : i < stop; i += step) items.push(i);
  return items;
}

function sequence(...params: bigint[]): string {
  const [first = 0n, second = 0n, third = 0n] = params;
  const [start, step, end] =
    params.length === 1
      ? [1n, undefined, first]
      : params.length === 2
        ? [first, undefined, second]
        : [first, second, third];
  if (params.length === 0 || params.length > 3) return "";
  const increment = end < start ? -1n : 1n;
  if (params.length === 3 && end < start && (step ?? 0n) > 0n) return "";
  return steps("seq", start, end + increment, step ?? increment).join(" ");
}

function round(value: unknown, places: bigint, ...on: number[]): number {
  const scale = 10 ** Number(places);
  const digit = scale * castFloat(value);
  const part = digit - Math.trunc(digit);
  return (part >= (on[0] ?? 0.5) ? Math.ceil(digit) : Math.floor(digit)) / scale;
}

const reduceInt =
  (better: (a: bigint, b: bigint) => boolean) =>
  (first: unknown, ...rest: unknown[]) =>
    rest.map(castInt).reduce((best, value) => (better(value, best) ? value : best), castInt(first));

const max = reduceInt((a, b) => a > b);

export const numbers: Record<string, [Signature, Callable]> = {
  add: ["a*", (...values) => values.reduce<bigint>((sum, value) => wrap(sum + castInt(value)), 0n)],
  add1: ["a", (value) => wrap(castInt(value) + 1n)],
  sub: ["aa", (a, b) => wrap(castInt(a) - castInt(b))],
  mul: ["aa*", (...values) => values.reduce<bigint>((product, value) => wrap(product * castInt(value)), 1n)],
  div: [
    "aa",
    (a, b) => {
      divide(castInt(a), castInt(b));
      return wrap(castInt(a) / castInt(b));
    },
  ],
  mod: [
    "aa",
    (a, b) => {
      divide(castInt(a), castInt(b));
      return castInt(a) % castInt(b);
    },
  ],
  add1f: ["a", (value) => chain("add", value, [1])],
  addf: ["a*", (...values) => chain("add", 0, values)],
  subf: ["aa*", (first, ...rest) => chain("sub", first, rest)],
  mulf: ["aa*", (first, ...rest) => chain("mul", first, rest)],
  divf: ["aa*", (first, ...rest) => chain("div", first, rest)],
  max: ["aa*", max],
  biggest: ["aa*", max],
  min: ["aa*", reduceInt((a, b) => a < b)],
  maxf: ["aa*", (...values) => Math.max(...values.map(castFloat))],
  minf: ["aa*", (...values) => Math.min(...values.map(castFloat))],
  ceil: ["a", (value) => Math.ceil(castFloat(value))],
  floor: ["a", (value) => Math.floor(castFloat(value))],
  round: ["aif*", round as Callable],
  int: ["a", castInt],
  int64: ["a", castInt],
  float64: ["a", castFloat],
  atoi: [
    "s",
    (text) => (/^[+-]?\d+$/.test(text as string) ? castInt((text as string).replace(/^([+-]?)0+(?=\d)/, "$1")) : 0n),
  ],
  toDecimal: ["a", (value) => (/^[+-]?[0-7]+$/.test(format(value)) ? readOctal(format(value)) : 0n)],
  seq: ["i*", sequence as Callable],
  until: ["i", (count) => steps("until", 0n, count as bigint, (count as bigint) < 0n ? -1n : 1n)],
  untilStep: ["iii", (start, stop, step) => steps("untilStep", start as bigint, stop as bigint, step as bigint)],
};

function readOctal(text: string): bigint {
  const value = BigInt(`0o${text.replace(/^[+-]/, "")}`);
  return text.startsWith("-") ? -value : value;
}
