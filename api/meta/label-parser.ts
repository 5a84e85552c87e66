import type { Requirement } from "./labels.ts";
import { labelValueProblems, qualifiedNameProblems } from "./names.ts";
import { StatusError } from "./status.ts";

/** A selector longer than this is refused. */
export const selectorLimit = 64 * 1024;

const special = "=!(),><";
const symbols = new Set(["(", ")", ",", "!", "=", "==", "!=", ">", "<"]);
const operators: Record<string, Requirement["operator"]> = {
  in: "In",
  notin: "NotIn",
  "=": "In",
  "==": "In",
  "!=": "NotIn",
  ">": "Gt",
  "<": "Lt",
};

const refuse = (what: string) => new StatusError("BadRequest", what);
const malformed = (what: string) => refuse(`unable to parse requirement: ${what}`);

/** Splits into names and the longest symbols; an empty text stands for the end. */
function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < text.length; ) {
    const char = text[at] as string;
    if (" \t\r\n".includes(char)) at++;
    else if (special.includes(char)) {
      const long = text.slice(at, at + 2);
      const symbol = symbols.has(long) ? long : char;
      tokens.push(symbol);
      at += symbol.length;
    } else {
      const end = text.slice(at).search(/[\s=!(),><]/);
      const name = end < 0 ? text.slice(at) : text.slice(at, at + end);
      tokens.push(name);
      at += name.length;
    }
  }
  return tokens;
}

const isName = (token: string) => token !== "" && !symbols.has(token);

/** Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Source: the grammar and the words of apimachinery's labels.Parse. */
class Parser {
  private readonly tokens: string[];
  private at = 0;

  constructor(text: string) {
    this.tokens = tokensOf(text);
  }

  private peek(): string {
    return this.tokens[this.at] ?? "";
  }
  private next(): string {
    return this.tokens[this.at++] ?? "";
  }

  all(): Requirement[] {
    const requirements: Requirement[] = [];
    for (let token = this.peek(); token !== ""; token = this.peek()) {
      if (!isName(token) && token !== "!") {
        throw refuse(`found '${token}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.requirement());
      const end = this.next();
      if (end === "") break;
      if (end !== ",") throw refuse(`found '${end}', expected: ',' or 'end of string'`);
      const following = this.peek();
      if (!isName(following) && following !== "!") {
        throw refuse(`found '${following}', expected: identifier after ','`);
      }
    }
    return requirements;
  }

  private requirement(): Requirement {
    let key = this.next();
    const absent = key === "!";
    if (absent) key = this.next();
    if (!isName(key)) throw malformed(`found '${key}', expected: identifier`);
    const problems = qualifiedNameProblems(key);
    if (problems.length > 0) throw malformed(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problems.join("; ")}`);
    if (absent) return { key, operator: "DoesNotExist", values: [] };
    if (this.peek() === "" || this.peek() === ",") return { key, operator: "Exists", values: [] };
    const sign = this.next();
    const operator = Object.hasOwn(operators, sign) ? operators[sign] : undefined;
    if (!operator) throw malformed(`found '${sign}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = sign === "in" || sign === "notin" ? this.set() : [this.value()];
    return checked({ key, operator, values: [...new Set(values)].sort() });
  }

  private value(): string {
    if (this.peek() === "" || this.peek() === ",") return "";
    const value = this.next();
    if (!isName(value)) throw malformed(`found '${value}', expected: identifier`);
    return value;
  }

  private set(): string[] {
    const open = this.next();
    if (open !== "(") throw malformed(`found '${open}' expected: '('`);
    const values: string[] = [];
    if (this.peek() === ")") values.push("");
    else if (isName(this.peek()) || this.peek() === ",") this.members(values);
    else throw malformed(`found '${this.peek()}', expected: ',', ')' or identifier`);
    const close = this.next();
    if (close !== ")") throw malformed(`found '${close}', expected: ')'`);
    return values;
  }

  /** Nothing between commas, or beside a parenthesis, is the empty value. */
  private members(values: string[]): void {
    for (;;) {
      const token = this.peek();
      if (isName(token)) {
        values.push(this.next());
        if (this.peek() === ")") return;
        if (this.peek() !== ",") throw malformed(`found '${this.peek()}', expected: ',' or ')'`);
        continue;
      }
      if (token !== ",") throw malformed(`found '${token}', expected: ',', or identifier`);
      this.next();
      if (values.length === 0) values.push("");
      if (this.peek() === ")") {
        values.push("");
        return;
      }
      if (this.peek() === ",") {
        this.next();
        values.push("");
      }
    }
  }
}

function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const problems: string[] = [];
  for (const [i, value] of values.entries()) {
    if ((operator === "Gt" || operator === "Lt") && !/^[+-]?\d+$/.test(value)) {
      const detail = "for 'Gt', 'Lt' operators, the value must be an integer";
      problems.push(`values[${i}]: Invalid value: ${JSON.stringify(value)}: ${detail}`);
    }
    const wrong = labelValueProblems(value);
    if (wrong.length > 0) {
      problems.push(`values[${i}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong.join("; ")}`);
    }
  }
  if (problems.length > 0)
    throw malformed(problems.length === 1 ? (problems[0] as string) : `[${problems.join(", ")}]`);
  return requirement;
}

/** An empty text selects all. Throws BadRequest. */
export function parseLabelSelector(text: string): Requirement[] {
  if (text.length > selectorLimit) throw malformed(`longer than ${selectorLimit} characters`);
  return new Parser(text).all();
}
