// Quantities and versions, exactly. Source: apiserver's library.Quantity and library.SemverLib.
import { canonicalQuantity, isQuantity } from "@capstan/api/meta";
import { compare, type Library } from "./define.ts";

const powers: Record<string, bigint> = { n: -9n, u: -6n, m: -3n, "": 0n, k: 3n, M: 6n, G: 9n, T: 12n, P: 15n, E: 18n };
const unit = 10n ** 9n;

/** In billionths, which is as fine as quantities are. */
function nanosOf(text: string): bigint {
  const match = /^([+-]?)(\d+)(?:([numkMGTPE])|([KMGTPE])i|[eE]([+-]?\d+))?$/.exec(canonicalQuantity(text));
  if (!match) throw new Error(`quantity ${JSON.stringify(text)} is not canonical`);
  const [, sign, digits = "0", decimal = "", binary, exponent] = match;
  const whole = BigInt(digits) * (sign === "-" ? -1n : 1n);
  if (binary) return whole * unit * 1024n ** BigInt("KMGTPE".indexOf(binary) + 1);
  const power = 9n + (exponent === undefined ? (powers[decimal] ?? 0n) : BigInt(exponent));
  return power >= 0n ? whole * 10n ** power : whole / 10n ** -power;
}

class Quantity {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

class Version {
  readonly parts: [bigint, bigint, bigint];
  readonly pre: string[];
  constructor(text: string) {
    const match = versionPattern.exec(text);
    if (!match) throw new Error(`${JSON.stringify(text)} is not a semantic version`);
    const [, major = "", minor = "", patch = "", pre = ""] = match;
    this.parts = [BigInt(major), BigInt(minor), BigInt(patch)];
    this.pre = pre === "" ? [] : pre.split(".");
  }
}
const number = "(0|[1-9]\\d{0,17})";
const versionPattern = new RegExp(`^${number}\\.${number}\\.${number}(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`);

/** Source: semver.org, 11. */
function order(a: Version, b: Version): number {
  for (const [i, part] of a.parts.entries()) if (part !== b.parts[i]) return compare(part, b.parts[i]);
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (const [i, part] of a.pre.entries()) {
    const other = b.pre[i];
    if (other === undefined) return 1;
    if (part === other) continue;
    const [first, second] = [/^\d+$/.test(part), /^\d+$/.test(other)];
    if (first && second) return compare(BigInt(part), BigInt(other));
    return first === second ? compare(part, other) : first ? -1 : 1;
  }
  return a.pre.length - b.pre.length;
}

export function addQuantities(library: Library): void {
  const { define, type } = library;
  type("Quantity", Quantity);
  define("isQuantity(string): bool", (text: string) => isQuantity(text));
  define("quantity(string): Quantity", (text: string) => new Quantity(nanosOf(text)));
  comparisons(library, "Quantity", (a: Quantity, b: Quantity) => compare(a.nanos, b.nanos));
  define("Quantity.sign(): int", ({ nanos }: Quantity) => BigInt(compare(nanos, 0n)));
  define("Quantity.asApproximateFloat(): double", ({ nanos }: Quantity) => Number(nanos) / 1e9);
  define("Quantity.isInteger(): bool", ({ nanos }: Quantity) => nanos % unit === 0n && fits(nanos / unit));
  define("Quantity.asInteger(): int", ({ nanos }: Quantity) => {
    if (nanos % unit !== 0n || !fits(nanos / unit)) throw new Error("cannot convert value to integer");
    return nanos / unit;
  });
  define("Quantity.add(Quantity): Quantity", (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos));
  define("Quantity.add(int): Quantity", (a: Quantity, b: bigint) => new Quantity(a.nanos + b * unit));
  define("Quantity.sub(Quantity): Quantity", (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos));
  define("Quantity.sub(int): Quantity", (a: Quantity, b: bigint) => new Quantity(a.nanos - b * unit));
  type("Semver", Version);
  define("isSemver(string): bool", (text: string) => versionPattern.test(text));
  define("semver(string): Semver", (text: string) => new Version(text));
  comparisons(library, "Semver", order);
  for (const [i, part] of ["major", "minor", "patch"].entries()) {
    define(`Semver.${part}(): int`, ({ parts }: Version) => parts[i]);
  }
}

const fits = (value: bigint) => BigInt.asIntN(64, value) === value;

function comparisons<T>(library: Library, type: string, compareTwo: (a: T, b: T) => number): void {
  const { define, equals } = library;
  equals(type, (a: T, b: T) => compareTwo(a, b) === 0);
  define(`${type}.isGreaterThan(${type}): bool`, (a: T, b: T) => compareTwo(a, b) > 0);
  define(`${type}.isLessThan(${type}): bool`, (a: T, b: T) => compareTwo(a, b) < 0);
  define(`${type}.compareTo(${type}): int`, (a: T, b: T) => BigInt(Math.sign(compareTwo(a, b))));
}
