// Parses regular expressions in the syntax of Go's regexp package (RE2: no look-around, no back-references).
import { ExpressionError } from "../error.ts";
import { type CharacterSet, foldCase, namedSet, perlSet, posixSet, unionOf } from "./sets.ts";

export type Assertion = "lineStart" | "lineEnd" | "textStart" | "textEnd" | "word" | "notWord";
export type Syntax =
  | { is: "empty" }
  | { is: "set"; set: CharacterSet }
  | { is: "assert"; assertion: Assertion }
  | { is: "sequence" | "choice"; items: Syntax[] }
  | { is: "capture"; index: number; item: Syntax }
  /** `most` is undefined where there is no limit. */
  | { is: "repeat"; item: Syntax; least: number; most: number | undefined; greedy: boolean };

export interface ParsedRegex {
  syntax: Syntax;
  /** Names of captures; "" for those that have none. */
  names: string[];
}

const patternLimit = 10_000;
const depthLimit = 250;
const repeatLimit = 1000;
interface Flags {
  ignoreCase: boolean;
  multiLine: boolean;
  dotAll: boolean;
  ungreedy: boolean;
}

/** @throws ExpressionError that names the part which cannot be read. */
export function parseRegex(pattern: string): ParsedRegex {
  if (pattern.length > patternLimit) {
    throw new ExpressionError(`regular expression is longer than ${patternLimit} characters`);
  }
  return new Reader(pattern).read();
}

class Reader {
  readonly #pattern: string;
  readonly #names: string[] = [""];
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false, ungreedy: false };

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  read(): ParsedRegex {
    const syntax = this.#choice();
    if (this.#at < this.#pattern.length) this.#fail("unexpected )", this.#pattern);
    return { syntax, names: this.#names };
  }

  #fail(what: string, part: string): never {
    throw new ExpressionError(`error parsing regexp: ${what}: \`${part}\``);
  }
  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#pattern);
    if (match) this.#at += match[0].length;
    return match ?? undefined;
  }
  #next(): number {
    const code = this.#pattern.codePointAt(this.#at);
    if (code === undefined) return this.#fail("unexpected end", this.#pattern);
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #choice(): Syntax {
    if (++this.#depth > depthLimit) {
      throw new ExpressionError(`error parsing regexp: expression nests deeper than ${depthLimit}`);
    }
    const flags = this.#flags;
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    return items.length === 1 ? (items[0] as Syntax) : { is: "choice", items };
  }

  #sequence(): Syntax {
    const items: Syntax[] = [];
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== "|" && this.#pattern[this.#at] !== ")") {
      const start = this.#at;
      if (this.#take("\\Q")) {
        const end = this.#pattern.indexOf("\\E", this.#at);
        const text = this.#pattern.slice(this.#at, end < 0 ? undefined : end);
        this.#at = end < 0 ? this.#pattern.length : end + 2;
        for (const char of text) items.push(this.#literal(char.codePointAt(0) as number));
        if (items.length === 0) continue;
        items.push(this.#repeated(items.pop() as Syntax, start));
        continue;
      }
      const operator = this.#match(/[*+?]/y);
      if (operator) this.#fail("missing argument to repetition operator", operator[0]);
      const item = this.#item();
      if (item) items.push(this.#repeated(item, start));
    }
    return items.length === 1 ? (items[0] as Syntax) : { is: "sequence", items };
  }

  #repeated(item: Syntax, start: number): Syntax {
    let result = item;
    for (let count = 0; ; count++) {
      const before = this.#at;
      const match = this.#match(/([*+?])(\??)|\{(\d{1,9})(,(\d{0,9}))?\}(\??)/y);
      if (!match) return result;
      if (count > 0) this.#fail("invalid nested repetition operator", this.#pattern.slice(start, this.#at));
      const [whole, sign, lazy, from, comma, to, lazyCount] = match;
      const greedy = (sign ? lazy === "" : lazyCount === "") !== this.#flags.ungreedy;
      let [least, most]: [number, number | undefined] = [sign === "+" ? 1 : 0, sign === "?" ? 1 : undefined];
      if (!sign) [least, most] = [Number(from), comma === undefined ? Number(from) : to ? Number(to) : undefined];
      if (least > repeatLimit || (most ?? 0) > repeatLimit || (most !== undefined && most < least)) {
        this.#fail("invalid repeat count", whole);
      }
      result = { is: "repeat", item: result, least, most, greedy };
      if (!sign && !fits(result, repeatLimit))
        this.#fail("invalid repeat count", this.#pattern.slice(before, this.#at));
    }
  }

  #literal(code: number): Syntax {
    return { is: "set", set: this.#folded({ ranges: [[code, code]] }) };
  }
  #folded(set: CharacterSet): CharacterSet {
    return this.#flags.ignoreCase ? foldCase(set) : set;
  }

  /** undefined for what only sets flags. */
  #item(): Syntax | undefined {
    if (this.#take("(")) return this.#group();
    if (this.#take("[")) return { is: "set", set: this.#folded(this.#bracket()) };
    if (this.#take(".")) {
      const ranges: [number, number][] = this.#flags.dotAll ? [] : [[10, 10]];
      return { is: "set", set: { ranges, negated: true } };
    }
    if (this.#take("^")) return { is: "assert", assertion: this.#flags.multiLine ? "lineStart" : "textStart" };
    if (this.#take("$")) return { is: "assert", assertion: this.#flags.multiLine ? "lineEnd" : "textEnd" };
    if (this.#pattern[this.#at] === "\\") {
      const assertion = this.#match(/\\([AzbB])/y)?.[1];
      const assertions: Record<string, Assertion> = { A: "textStart", z: "textEnd", b: "word", B: "notWord" };
      if (assertion) return { is: "assert", assertion: assertions[assertion] as Assertion };
      const set = this.#classEscape();
      return set ? { is: "set", set: this.#folded(set) } : this.#literal(this.#escape());
    }
    return this.#literal(this.#next());
  }

  #group(): Syntax | undefined {
    const start = this.#at - 1;
    if (!this.#take("?")) return this.#capture("", start);
    const named = this.#match(/P?<([^>]*)>/y);
    if (named) {
      const name = named[1] as string;
      if (!/^\w+$/.test(name)) this.#fail("invalid named capture", this.#pattern.slice(start, this.#at));
      if (this.#names.includes(name)) this.#fail("duplicate capture group name", name);
      return this.#capture(name, start);
    }
    const flags = this.#match(/([imsU]*)(?:-([imsU]+))?([:)])/y);
    if (!flags || (flags[0] === ")" && flags[1] === "")) {
      return this.#fail("invalid or unsupported Perl syntax", this.#pattern.slice(start, this.#at + 1));
    }
    const outer = this.#flags;
    const changed = { ...outer };
    const names: Record<string, keyof Flags> = { i: "ignoreCase", m: "multiLine", s: "dotAll", U: "ungreedy" };
    for (const letter of flags[1] ?? "") changed[names[letter] as keyof Flags] = true;
    for (const letter of flags[2] ?? "") changed[names[letter] as keyof Flags] = false;
    this.#flags = changed;
    if (flags[3] === ")") return undefined;
    const item = this.#choice();
    if (!this.#take(")")) this.#fail("missing closing )", this.#pattern);
    this.#flags = outer;
    return item;
  }

  #capture(name: string, start: number): Syntax {
    const index = this.#names.push(name) - 1;
    const item = this.#choice();
    if (!this.#take(")")) this.#fail("missing closing )", this.#pattern.slice(start));
    return { is: "capture", index, item };
  }

  #bracket(): CharacterSet {
    const start = this.#at - 1;
    const negated = this.#take("^");
    const parts: CharacterSet[] = [];
    for (let first = true; first || this.#pattern[this.#at] !== "]"; first = false) {
      if (this.#at >= this.#pattern.length) this.#fail("missing closing ]", this.#pattern.slice(start));
      const posix = this.#match(/\[:(\^?)(\w+):\]/y);
      if (posix) {
        parts.push(
          posixSet(posix[2] as string, posix[1] === "^") ?? this.#fail("invalid character class range", posix[0]),
        );
        continue;
      }
      const set = this.#pattern[this.#at] === "\\" ? this.#classEscape() : undefined;
      if (set) {
        parts.push(set);
        continue;
      }
      const from = this.#at;
      const low = this.#member();
      let high = low;
      if (this.#pattern[this.#at] === "-" && (this.#pattern[this.#at + 1] ?? "]") !== "]") {
        this.#at++;
        high = this.#member();
      }
      if (high < low) this.#fail("invalid character class range", this.#pattern.slice(from, this.#at));
      parts.push({ ranges: [[low, high]] });
    }
    this.#at++;
    const set = this.#folded(unionOf(parts));
    return negated ? { ...set, negated: true } : set;
  }
  #member(): number {
    return this.#pattern[this.#at] === "\\" ? this.#escape() : this.#next();
  }

  #classEscape(): CharacterSet | undefined {
    const perl = this.#match(/\\([dDsSwW])/y)?.[1];
    if (perl) return perlSet(perl);
    const unicode = this.#match(/\\([pP])(?:\{(\^?)(\w+)\}|([A-Z]))/y);
    if (!unicode) return undefined;
    const negated = (unicode[1] === "P") !== (unicode[2] === "^");
    const set = namedSet(unicode[3] ?? unicode[4] ?? "");
    if (!set) this.#fail("invalid character class range", unicode[0]);
    return negated ? { ranges: [], without: [set] } : set;
  }

  #escape(): number {
    const hex = this.#match(/\\x(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/y);
    if (hex) return Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
    const octal = this.#match(/\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/y);
    if (octal) return Number.parseInt(octal[1] as string, 8);
    const letter = this.#match(/\\([aftnrv])/y)?.[1];
    const letters: Record<string, number> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };
    if (letter) return letters[letter] as number;
    const sign = this.#match(/\\([\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e ])/y)?.[1];
    if (sign) return sign.charCodeAt(0);
    if (this.#at + 1 >= this.#pattern.length) this.#fail("trailing backslash at end of expression", "");
    return this.#fail("invalid escape sequence", this.#pattern.slice(this.#at, this.#at + 2));
  }
}

/** Whether nested counts multiply to no more than `left`. */
function fits(syntax: Syntax, left: number): boolean {
  switch (syntax.is) {
    case "repeat": {
      const count = syntax.most ?? syntax.least;
      if (count > left) return false;
      return fits(syntax.item, count > 0 ? Math.floor(left / count) : left);
    }
    case "capture":
      return fits(syntax.item, left);
    case "sequence":
    case "choice":
      return syntax.items.every((item) => fits(item, left));
    default:
      return true;
  }
}
