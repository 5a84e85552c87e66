// Regular expressions of Go's regexp package: its syntax, its choice among matches, and time linear in the text.
import { ExpressionError } from "../error.ts";
import { compileProgram, type Program, search } from "./program.ts";
import { parseRegex } from "./syntax.ts";

/** Longest text searched, in characters. */
const textLimit = 4 * 1024 * 1024;
const cacheSize = 500;
const cache = new Map<string, GoRegex>();

/** @throws ExpressionError as regexp.Compile would. */
export function compileRegex(pattern: string): GoRegex {
  let regex = cache.get(pattern);
  if (!regex) {
    regex = new GoRegex(pattern);
    if (cache.size >= cacheSize) cache.clear();
    cache.set(pattern, regex);
  }
  return regex;
}

/** A text with the positions of its characters. */
interface Subject {
  text: string;
  codes: Uint32Array;
  /** Where each character begins in the text; one more for the end. */
  starts: Uint32Array;
}

function readSubject(text: string): Subject {
  if (text.length > textLimit) throw new ExpressionError(`text to match is longer than ${textLimit} characters`);
  const codes = new Uint32Array(text.length);
  const starts = new Uint32Array(text.length + 1);
  let count = 0;
  for (let i = 0; i < text.length; count++) {
    const code = text.codePointAt(i) as number;
    codes[count] = code;
    starts[count] = i;
    i += code > 0xffff ? 2 : 1;
  }
  starts[count] = text.length;
  return { text, codes: codes.subarray(0, count), starts: starts.subarray(0, count + 1) };
}

const part = ({ text, starts }: Subject, from: number, to: number) => text.slice(starts[from], starts[to]);

class GoRegex {
  readonly #program: Program;
  readonly #names: string[];

  constructor(pattern: string) {
    const { syntax, names } = parseRegex(pattern);
    this.#names = names;
    this.#program = compileProgram(syntax, names.length);
  }

  test(text: string): boolean {
    return search(this.#program, readSubject(text).codes, 0, false) !== undefined;
  }

  /** The leftmost match. */
  find(text: string): string | undefined {
    const subject = readSubject(text);
    const found = search(this.#program, subject.codes, 0, true);
    return found && part(subject, found[0] as number, found[1] as number);
  }

  /** At most `count` matches that do not overlap; all when it is negative. */
  findAll(text: string, count: number): string[] {
    const subject = readSubject(text);
    return this.#all(subject, count).map(([from, to]) => part(subject, from as number, to as number));
  }

  #all({ codes }: Subject, count: number): number[][] {
    const matches: number[][] = [];
    let before = -1;
    for (let position = 0; position <= codes.length && (count < 0 || matches.length < count); ) {
      const found = search(this.#program, codes, position, true);
      if (!found) break;
      const [from, to] = found as [number, number];
      // An empty match right after another one does not count.
      const counts = to !== position || from !== before;
      position = to === position ? position + 1 : to;
      before = to;
      if (counts) matches.push(found);
    }
    return matches;
  }

  /** @param template may name captures: `$1`, `${name}`, `$$`. */
  replaceAll(text: string, template: string): string {
    return this.#replace(text, (subject, found) =>
      template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, plain?: string) => {
        if (whole === "$$") return "$";
        const name = braced ?? plain ?? "";
        const index = /^\d+$/.test(name) ? Number(name) : this.#names.indexOf(name);
        const [from, to] = [found[index * 2] ?? -1, found[index * 2 + 1] ?? -1];
        return from < 0 || index < 0 ? "" : part(subject, from, to);
      }),
    );
  }

  replaceAllLiteral(text: string, replacement: string): string {
    return this.#replace(text, () => replacement);
  }

  #replace(text: string, make: (subject: Subject, found: number[]) => string): string {
    const subject = readSubject(text);
    const { codes } = subject;
    let [result, done] = ["", 0];
    for (let position = 0; position <= codes.length; ) {
      const found = search(this.#program, codes, position, true);
      if (!found) break;
      const [from, to] = found as [number, number];
      result += part(subject, done, from);
      if (to > done || from === 0) result += make(subject, found);
      if (result.length > textLimit) throw new ExpressionError(`replaced text is longer than ${textLimit} characters`);
      done = to;
      position = to > position ? to : position + 1;
    }
    return result + part(subject, done, codes.length);
  }

  /** Parts between matches, at most `count`; all when it is negative. */
  split(text: string, count: number): string[] {
    if (count === 0) return [];
    if (text === "") return [""];
    const subject = readSubject(text);
    const end = subject.codes.length;
    const parts: string[] = [];
    let [begin, last] = [0, 0];
    for (const [from, to] of this.#all(subject, count) as [number, number][]) {
      if (count > 0 && parts.length === count - 1) break;
      last = from;
      if (to !== 0) parts.push(part(subject, begin, last));
      begin = to;
    }
    if (last !== end) parts.push(part(subject, begin, end));
    return parts;
  }
}

/** Escapes what means something in a pattern. */
export function quoteRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
