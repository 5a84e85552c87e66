// Patterns of schemas are RE2, which takes linear time; V8's own linear engine takes over when a pattern backtracks too much.
import { setFlagsFromString } from "node:v8";
import { type Context, createContext, runInContext } from "node:vm";

setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
setFlagsFromString("--regexp-backtracks-before-fallback=20000");

const compiled = new Map<string, RegExp | undefined>();
/** Patterns kept compiled. */
const cacheLimit = 2000;

/** A pattern of RE2 as a RegExp; undefined when it is not valid. */
export function compilePattern(pattern: string): RegExp | undefined {
  if (compiled.has(pattern)) return compiled.get(pattern);
  if (compiled.size >= cacheLimit) compiled.clear();
  const regExp = compile(pattern);
  compiled.set(pattern, regExp);
  return regExp;
}

function compile(pattern: string): RegExp | undefined {
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const source = (flags ? pattern.slice(flags[0].length) : pattern)
    .replaceAll("(?P<", "(?<")
    .replaceAll("[[:alnum:]]", "[0-9A-Za-z]")
    .replaceAll("\\A", "^")
    .replaceAll("\\z", "$");
  // RE2 has neither look-around nor back-references.
  if (/\(\?<?[=!]|\\[1-9]/.test(source.replaceAll("\\\\", ""))) return undefined;
  try {
    return new RegExp(source, flags?.[1] ?? "");
  } catch {
    return undefined;
  }
}

/** Milliseconds that one match may take where neither engine is linear, as for nested counted repetitions. */
const patience = 100;
let sandbox: Context | undefined;

/** Whether text contains a match. A pattern that is not valid, or takes too long, matches nothing. */
export function matchesPattern(pattern: string, text: string): boolean {
  const regExp = compilePattern(pattern);
  if (!regExp) return false;
  if (!/\)(\{|[*+]).*[{*+]|[{*+].*\)(\{|[*+])/.test(pattern) || text.length < 16) return regExp.test(text);
  sandbox ??= createContext({});
  Object.assign(sandbox, { regExp, text });
  try {
    return runInContext("regExp.test(text)", sandbox, { timeout: patience }) as boolean;
  } catch {
    return false;
  }
}
