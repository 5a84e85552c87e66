// Parses kubectl's JSONPath templates (k8s.io/client-go/util/jsonpath): text with {actions}.
import { ExpressionError } from "../error.ts";

export type PathNode =
  | { is: "text"; text: string }
  | { is: "value"; value: bigint | number | boolean }
  | { is: "word"; word: string }
  | { is: "field"; name: string }
  | { is: "wildcard" }
  | { is: "recursive" }
  /** undefined where nothing is given; `only` takes one element, from the end where it is negative. */
  | { is: "array"; from?: number; to?: number; step?: number; only: boolean }
  | { is: "union"; parts: PathNode[][] }
  | { is: "filter"; left: PathNode[]; operator: string; right: PathNode[] };

export type TemplatePart = { is: "text"; text: string } | { is: "action"; nodes: PathNode[] };

const sourceLimit = 10_000;
const depthLimit = 20;

/** @throws ExpressionError */
export function parseTemplate(source: string): TemplatePart[] {
  if (source.length > sourceLimit)
    throw new ExpressionError(`jsonpath: template is longer than ${sourceLimit} characters`);
  const parts: TemplatePart[] = [];
  for (let at = 0; at < source.length; ) {
    const open = source.indexOf("{", at);
    if (open !== at) parts.push({ is: "text", text: source.slice(at, open < 0 ? undefined : open) });
    if (open < 0) break;
    const reader = new ActionReader(source, open + 1, 0);
    parts.push({ is: "action", nodes: reader.read() });
    at = reader.at;
  }
  return parts;
}

const parsePart = (text: string, depth: number) => new ActionReader(`${text}}`, 0, depth).read();

class ActionReader {
  at: number;
  readonly #source: string;
  readonly #depth: number;
  readonly #nodes: PathNode[] = [];

  constructor(source: string, at: number, depth: number) {
    if (depth > depthLimit) throw new ExpressionError(`jsonpath: nested deeper than ${depthLimit}`);
    this.#source = source;
    this.at = at;
    this.#depth = depth;
  }

  #fail(what: string): never {
    throw new ExpressionError(`jsonpath: ${what} in ${JSON.stringify(this.#source.slice(0, 200))}`);
  }
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#source)?.[0];
    if (match === undefined) return undefined;
    this.at += match.length;
    return match;
  }

  /** Up to the brace that closes the action. */
  read(): PathNode[] {
    for (;;) {
      if (this.#match(/\}/y)) return this.#nodes;
      if (this.#match(/\[\?\(/y)) this.#filter();
      else if (this.#match(/\.\./y)) this.#recursive();
      else if (this.#match(/[ @$]/y)) continue;
      else if (this.#match(/\[/y)) this.#array();
      else if (this.#match(/\./y)) this.#field();
      else if (/["']/.test(this.#source[this.at] ?? "")) this.#quote();
      else if (/[+\-\d]/.test(this.#source[this.at] ?? "")) this.#number();
      else {
        const word = this.#match(/[\p{L}\p{N}_][^ \t\r\n.,[\]$@{}]*/uy);
        if (word === undefined)
          this.#fail(
            this.at >= this.#source.length
              ? "unclosed action"
              : `unrecognized character ${JSON.stringify(this.#source[this.at])}`,
          );
        this.#nodes.push(
          word === "true" || word === "false" ? { is: "value", value: word === "true" } : { is: "word", word },
        );
      }
    }
  }

  #recursive(): void {
    if (this.#nodes.at(-1)?.is === "recursive") this.#fail("invalid multiple recursive descent");
    this.#nodes.push({ is: "recursive" });
    if (/[\p{L}\p{N}_]/u.test(this.#source[this.at] ?? "")) this.#field();
  }

  #field(): void {
    const name = this.#match(/(?:\\[\s\S]|[^ \t\r\n.,[\]$@{}\\])*/y) ?? "";
    this.#nodes.push(name === "*" ? { is: "wildcard" } : { is: "field", name: name.replaceAll("\\", "") });
  }

  #number(): void {
    const text = this.#match(/[+-]?[\d.]*/y) ?? "";
    if (/^[+-]?\d+$/.test(text)) this.#nodes.push({ is: "value", value: BigInt(text.replace("+", "")) });
    else if (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text)) this.#nodes.push({ is: "value", value: Number(text) });
    else this.#fail(`cannot parse number ${text}`);
  }

  #quote(): void {
    const text = this.#match(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y);
    if (text === undefined) this.#fail("unterminated quoted string");
    const letters: Record<string, string> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };
    const plain = text
      .slice(1, -1)
      .replace(/\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|(.))/g, (_, long?: string, byte?: string, char = "") => {
        const code = long ?? byte;
        return code === undefined ? (letters[char] ?? char) : String.fromCharCode(Number.parseInt(code, 16));
      });
    this.#nodes.push({ is: "text", text: plain });
  }

  #array(): void {
    const inner = this.#match(/[^\]\n]*\]/y)?.slice(0, -1);
    if (inner === undefined) this.#fail("unterminated array");
    const parts = inner.split(",");
    if (parts.length > 1) {
      this.#nodes.push({ is: "union", parts: parts.map((part) => parsePart(`[${part.trim()}]`, this.#depth + 1)) });
      return;
    }
    const key = /^'([^']*)'$/.exec(inner)?.[1];
    if (key !== undefined) {
      this.#nodes.push(...parsePart(`.${key}`, this.#depth + 1));
      return;
    }
    const slice = /^(-?\d+)?(:(-?\d+)?)?(:(-?\d+)?)?$/.exec(inner === "*" ? ":" : inner);
    if (!slice || (inner === "" && !slice[2])) this.#fail(`invalid array index ${inner}`);
    const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
    const [from, to, step] = [number(slice[1]), number(slice[3]), number(slice[5])];
    this.#nodes.push({
      is: "array",
      only: slice[2] === undefined,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(step === undefined ? {} : { step }),
    });
  }

  #filter(): void {
    const start = this.at;
    let quote = "";
    for (let char = this.#source[this.at]; quote !== "" || char !== ")"; char = this.#source[++this.at]) {
      if (char === undefined || char === "\n") this.#fail("unterminated filter");
      if (quote === "" && (char === '"' || char === "'")) quote = char;
      else if (char === quote && this.#source[this.at - 1] !== "\\") quote = "";
    }
    const text = this.#source.slice(start, this.at);
    this.at++;
    if (!this.#match(/\]/y)) this.#fail("unclosed array expect ]");
    const compared = /^([^!<>=]+)([!<>=]+)([\s\S]+)$/.exec(text);
    const part = (side: string) => parsePart(side, this.#depth + 1);
    if (!compared) this.#nodes.push({ is: "filter", left: part(text), operator: "exists", right: [] });
    else {
      const [, left = "", operator = "", right = ""] = compared;
      this.#nodes.push({ is: "filter", left: part(left), operator, right: part(right) });
    }
  }
}
