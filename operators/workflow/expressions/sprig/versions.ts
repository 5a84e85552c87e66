// Semantic versions against constraints such as `>=1.2, <2 || ~3.1` (Masterminds/semver's rules).
import { ExpressionError } from "../error.ts";

interface Version {
  numbers: [number, number, number];
  pre: string[];
}

const identifiers = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const versionPattern = new RegExp(`^v?(\\d+)(?:\\.(\\d+))?(?:\\.(\\d+))?(?:-(${identifiers}))?(?:\\+${identifiers})?$`);
const wild = "(?:\\d+|[xX*])";
const constraintPattern = new RegExp(
  `^(=|!=|>=|=>|<=|=<|>|<|~>|~|\\^)?\\s*v?(${wild})(?:\\.(${wild}))?(?:\\.(${wild}))?(?:-(${identifiers}))?(?:\\+${identifiers})?$`,
);

function readVersion(text: string): Version {
  const match = versionPattern.exec(text);
  if (!match) throw new ExpressionError(`sprig: ${JSON.stringify(text)} is not a semantic version`);
  const [, major, minor = "0", patch = "0", pre] = match;
  return { numbers: [Number(major), Number(minor), Number(patch)], pre: pre?.split(".") ?? [] };
}

function compare(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    const order = number - (b.numbers[i] as number);
    if (order !== 0) return order;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let i = 0; i < Math.max(a.pre.length, b.pre.length); i++) {
    const [x, y] = [a.pre[i], b.pre[i]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (x === y) continue;
    const [m, n] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (m && n) return Number(x) - Number(y);
    if (m !== n) return m ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

type Test = (version: Version) => boolean;

function readConstraint(text: string): Test {
  const match = constraintPattern.exec(text);
  if (!match) throw new ExpressionError(`sprig: improper constraint: ${text}`);
  const [, operator = "", major = "", minor, patch, pre] = match;
  const isOpen = (part: string | undefined) => part === undefined || /[xX*]/.test(part);
  /** How many numbers are given. */
  const given = isOpen(major) ? 0 : isOpen(minor) ? 1 : isOpen(patch) ? 2 : 3;
  const number = (part: string | undefined) => (isOpen(part) ? 0 : Number(part));
  const from: Version = { numbers: [number(major), number(minor), number(patch)], pre: pre?.split(".") ?? [] };
  const upTo = (index: number): Version => {
    const numbers: [number, number, number] = [0, 0, 0];
    for (let i = 0; i <= index; i++) numbers[i] = from.numbers[i] as number;
    numbers[index] = (numbers[index] as number) + 1;
    return { numbers, pre: [] };
  };
  const within =
    (limit: Version): Test =>
    (version) =>
      compare(version, from) >= 0 && compare(version, limit) < 0;
  const whole = given === 0 ? () => true : within(upTo(given - 1));
  const test = testOf(operator, from, given, whole, upTo, within);
  // Versions before a release count only where the constraint names one.
  return (version) => (version.pre.length === 0 || from.pre.length > 0) && test(version);
}

function testOf(
  operator: string,
  from: Version,
  given: number,
  whole: Test,
  upTo: (index: number) => Version,
  within: (limit: Version) => Test,
): Test {
  switch (operator) {
    case "":
    case "=":
      return given === 3 ? (version) => compare(version, from) === 0 : whole;
    case "!=":
      return given === 3 ? (version) => compare(version, from) !== 0 : (version) => !whole(version);
    case ">":
      return given === 3 || given === 0
        ? (version) => compare(version, from) > 0
        : (version) => compare(version, upTo(given - 1)) >= 0;
    case "<":
      return (version) => compare(version, from) < 0;
    case ">=":
    case "=>":
      return (version) => compare(version, from) >= 0;
    case "<=":
    case "=<":
      return given === 3 || given === 0
        ? (version) => compare(version, from) <= 0
        : (version) => compare(version, upTo(given - 1)) < 0;
    case "^": {
      const [major, minor] = from.numbers;
      if (given === 0) return whole;
      return within(upTo(major > 0 || given === 1 ? 0 : minor > 0 || given === 2 ? 1 : 2));
    }
    default:
      return given <= 1 ? whole : within(upTo(1));
  }
}

/** @throws ExpressionError for what is no constraint or no version. */
export function compareVersions(constraint: string, version: string): boolean {
  if (constraint.length > 1000 || version.length > 256)
    throw new ExpressionError("sprig: constraint or version is too long");
  const tests = constraint.split("||").map((alternative) => {
    const ranges = alternative.replace(/(\S+)\s+-\s+(\S+)/g, ">=$1 <=$2");
    const parts = ranges.trim().split(/\s*,\s*|(?<=[\dxX*\w])\s+/);
    return parts.map((part) => readConstraint(part.trim()));
  });
  const read = readVersion(version);
  return tests.some((all) => all.every((test) => test(read)));
}
