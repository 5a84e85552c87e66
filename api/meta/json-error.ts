// What is wrong with a text that should be JSON, in the words of Go's encoding/json.

const end = "unexpected end of JSON input";

/** Beyond this nothing is looked for. */
const depthLimit = 1000;
const tooDeep = "beyond the depth that is looked at";

class Scan {
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  private skip(): string | undefined {
    while (" \t\r\n".includes(this.text[this.at] ?? "x")) this.at++;
    return this.text[this.at];
  }

  private fail(where: string): never {
    const char = this.text[this.at];
    throw new SyntaxError(char === undefined ? end : `invalid character ${quote(char)} ${where}`);
  }

  whole(): void {
    this.value();
    if (this.skip() !== undefined) this.fail("after top-level value");
  }

  private value(): void {
    if (++this.depth > depthLimit) this.fail(tooDeep);
    this.element();
    this.depth--;
  }

  private element(): void {
    const char = this.skip();
    if (char === "{") this.object();
    else if (char === "[") this.array();
    else if (char === '"') this.string();
    else if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) this.number();
    else if (char === "t") this.literal("true");
    else if (char === "f") this.literal("false");
    else if (char === "n") this.literal("null");
    else this.fail("looking for beginning of value");
  }

  private object(): void {
    this.at++;
    if (this.skip() === "}") {
      this.at++;
      return;
    }
    for (;;) {
      if (this.skip() !== '"') this.fail("looking for beginning of object key string");
      this.string();
      if (this.skip() !== ":") this.fail("after object key");
      this.at++;
      this.value();
      const next = this.skip();
      if (next !== "," && next !== "}") this.fail("after object key:value pair");
      this.at++;
      if (next === "}") return;
    }
  }

  private array(): void {
    this.at++;
    if (this.skip() === "]") {
      this.at++;
      return;
    }
    for (;;) {
      this.value();
      const next = this.skip();
      if (next !== "," && next !== "]") this.fail("after array element");
      this.at++;
      if (next === "]") return;
    }
  }

  private string(): void {
    this.at++;
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined || char < " ") this.fail("in string literal");
      this.at++;
      if (char === '"') return;
      if (char !== "\\") continue;
      const escaped = this.text[this.at] ?? "";
      if (!'"\\/bfnrtu'.includes(escaped) || escaped === "") this.fail("in string escape code");
      this.at++;
      if (escaped !== "u") continue;
      for (let i = 0; i < 4; i++, this.at++) {
        if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? "")) this.fail("in \\u hexadecimal character escape");
      }
    }
  }

  private number(): void {
    if (this.text[this.at] === "-") this.at++;
    if (this.text[this.at] === "0") this.at++;
    else this.digits("in numeric literal");
    if (this.text[this.at] === ".") {
      this.at++;
      this.digits("after decimal point in numeric literal");
    }
    if (this.text[this.at]?.toLowerCase() === "e") {
      this.at++;
      if ("+-".includes(this.text[this.at] ?? "x")) this.at++;
      this.digits("in exponent of numeric literal");
    }
  }

  private digits(where: string): void {
    if (!/\d/.test(this.text[this.at] ?? "")) this.fail(where);
    while (/\d/.test(this.text[this.at] ?? "")) this.at++;
  }

  private literal(word: string): void {
    for (const char of word) {
      if (this.text[this.at] !== char) this.fail(`in literal ${word} (expecting ${quote(char)})`);
      this.at++;
    }
  }
}

function quote(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  return `'${JSON.stringify(firstByte(char))
    .slice(1, -1)
    .replace(/^\\u00/, "\\x")}'`;
}

/** Go reads bytes, and shows the one that it stopped at. */
function firstByte(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x80) return char;
  if (code >= 0xd800 && code < 0xe000) return "\u00f0";
  return String.fromCharCode(code < 0x800 ? 0xc0 | (code >> 6) : 0xe0 | (code >> 12));
}

/** Undefined when nothing is wrong. Source: encoding/json's scanner. */
export function goJsonError(text: string): string | undefined {
  try {
    new Scan(text).whole();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return thrown.message;
    throw thrown;
  }
}
