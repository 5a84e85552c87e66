// Strings, regular expressions and named formats. Source: apiserver's library.Regex and library.Format, cel-go's ext.Strings.
import { isDnsLabel, isSubdomain, labelDetail, subdomainDetail } from "../../metadata.ts";
import { formatProblem } from "../formats.ts";
import { compilePattern, matchesPattern } from "../pattern.ts";
import type { Library } from "./define.ts";

/** Characters of the longest text that is made here. */
const longest = 1_000_000;

function findAll(text: string, pattern: string, limit = -1n): string[] {
  if (!compilePattern(pattern)) throw new Error(`illegal regex: ${pattern}`);
  // What takes too long matches nothing, as for any pattern.
  if (limit === 0n || !matchesPattern(pattern, text)) return [];
  const expression = compilePattern(pattern) as RegExp;
  const found: string[] = [];
  for (const [match] of text.matchAll(new RegExp(expression.source, `${expression.flags}gu`))) {
    found.push(match);
    if (limit > 0n && BigInt(found.length) >= limit) break;
  }
  return found;
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  const parts = text.split(from);
  const times = limit < 0n ? parts.length - 1 : Math.min(Number(limit), parts.length - 1);
  if (text.length + times * to.length > longest) throw new Error(`replace makes more than ${longest} characters`);
  return (
    parts.slice(0, times + 1).join(to) +
    parts
      .slice(times + 1)
      .map((part) => from + part)
      .join("")
  );
}

function charAt(text: string, at: bigint): string {
  const points = [...text];
  if (at < 0n || at > BigInt(points.length)) throw new Error(`index out of range: ${at}`);
  return points[Number(at)] ?? "";
}

/** `'%s has %d'.format(['a', 3])`. */
function formatText(template: string, values: unknown[]): string {
  let next = 0;
  const text = template.replace(
    /%(?:\.(\d{1,2}))?([%sdfexXob])/g,
    (whole, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= values.length) throw new Error(`index ${next} out of range`);
      return render(values[next++], verb, precision === undefined ? 6 : Number(precision), whole);
    },
  );
  if (/%(?![%sdfexXob.])/.test(template.replaceAll("%%", ""))) throw new Error("unrecognized formatting clause");
  if (text.length > longest) throw new Error(`format makes more than ${longest} characters`);
  return text;
}

function render(value: unknown, verb: string, precision: number, clause: string): string {
  if (verb === "s") return shown(value);
  if (typeof value === "boolean" && verb === "b") return value ? "1" : "0";
  if (typeof value === "string" && (verb === "x" || verb === "X")) {
    const hex = Buffer.from(value).toString("hex");
    return verb === "X" ? hex.toUpperCase() : hex;
  }
  if (typeof value !== "bigint" && typeof value !== "number") throw new Error(`${clause} needs a number`);
  if (verb === "f") return Number(value).toFixed(precision);
  if (verb === "e")
    return Number(value)
      .toExponential(precision)
      .replace(/e([+-])(\d)$/, "e$10$2");
  if (verb === "d") return value.toString();
  const text = value.toString({ b: 2, o: 8, x: 16, X: 16 }[verb]);
  return verb === "X" ? text.toUpperCase() : text;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (Object.getPrototypeOf(value) !== Object.prototype) return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${key}: ${shown(item)}`).join(", ")}}`;
}

const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const qualified = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

function isQualified(text: string): boolean {
  const [first = "", name, ...rest] = text.split("/");
  const own = name ?? first;
  return rest.length === 0 && own.length <= 63 && qualified.test(own) && (name === undefined || isSubdomain(first));
}

const ofFormat = (format: string) => (text: string) => (formatProblem(format, text) ? `must be of type ${format}` : "");
const named: Record<string, (text: string) => string> = {
  dns1123Label: (text) => (isDnsLabel(text) ? "" : labelDetail),
  dns1123Subdomain: (text) => (isSubdomain(text) ? "" : subdomainDetail),
  dns1035Label: (text) =>
    /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)
      ? ""
      : "a DNS-1035 label must start with a letter, and hold lower case letters, digits or '-'",
  qualifiedName: (text) =>
    isQualified(text) ? "" : "name part must consist of alphanumeric characters, '-', '_' or '.'",
  labelValue: (text) =>
    text.length <= 63 && labelValue.test(text)
      ? ""
      : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'",
  uri: ofFormat("uri"),
  uuid: ofFormat("uuid"),
  byte: ofFormat("byte"),
  date: ofFormat("date"),
  datetime: ofFormat("datetime"),
};
for (const name of ["dns1123Label", "dns1123Subdomain", "dns1035Label"]) {
  // With a dash allowed at the end, as for generateName.
  named[`${name}Prefix`] = (text) => (named[name] as (text: string) => string)(text.endsWith("-") ? `${text}a` : text);
}

/** Source: apiserver's library/format.go. */
const patternSizes: Record<string, number> = {
  dns1123Label: 30,
  dns1123Subdomain: 60,
  dns1035Label: 30,
  qualifiedName: 60,
  labelValue: 40,
  uuid: 69,
};

class Formats {}
class Format {
  readonly check: (text: string) => string;
  /** Characters of the pattern that upstream checks it with, for the cost. */
  readonly patternSize: number;
  constructor(name: string) {
    this.check = named[name] ?? (() => "");
    this.patternSize = patternSizes[name.replace(/Prefix$/, "")] ?? 128;
  }
}

export function addTexts({ define, type, cel }: Library): void {
  define("string(google.protobuf.Timestamp): string", (time: Date) => time.toISOString().replace(/\.?0*Z$/, "Z"));
  define(
    "string(google.protobuf.Duration): string",
    (duration: { valueOf(): number }) => `${duration.valueOf() / 1000}s`,
  );
  define("string.find(string): string", (text: string, pattern: string) => findAll(text, pattern, 1n)[0] ?? "");
  define("string.findAll(string): list<string>", (text: string, pattern: string) => findAll(text, pattern));
  define("string.findAll(string, int): list<string>", findAll);
  define("string.replace(string, string): string", (text: string, from: string, to: string) => replace(text, from, to));
  define("string.replace(string, string, int): string", replace);
  define("string.charAt(int): string", charAt);
  define("string.reverse(): string", (text: string) => [...text].reverse().join(""));
  define("string.format(list): string", formatText);
  type("Format", Format);
  type("Formats", Formats, "format");
  for (const name of Object.keys(named)) define(`Formats.${name}(): Format`, () => new Format(name));
  define("Formats.named(string): optional<Format>", (_: Formats, name: string) =>
    Object.hasOwn(named, name) ? cel.Optional.of(new Format(name)) : cel.Optional.none(),
  );
  define("Format.validate(string): optional<list<string>>", ({ check }: Format, text: string) => {
    const problem = check(text);
    return problem ? cel.Optional.of([problem]) : cel.Optional.none();
  });
}
