// has() of a field behind an index or a call, which the library of expressions takes for names alone.
import { presentField } from "../cost/macros.ts";
import type { Library } from "./define.ts";

export const addPresence = ({ define }: Library): void =>
  define(`optional.${presentField}(): bool`, (value: { hasValue(): boolean }) => value.hasValue());

/** Where a literal that begins at `at` ends; `at` itself when none begins there. */
function endOfLiteral(text: string, at: number): number {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return at;
  const raw = /[rR]/.test(text[at - 1] ?? "");
  const long = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  for (let i = at + long.length; i < text.length; i++) {
    if (text[i] === "\\" && !raw) i++;
    else if (text.startsWith(long, i)) return i + long.length;
  }
  return text.length;
}

/** Where the bracket that opens at `at` is closed. */
function closing(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const end = endOfLiteral(text, i);
    if (end > i) i = end - 1;
    else if ("([{".includes(text[i] as string)) depth++;
    else if (")]}".includes(text[i] as string) && --depth === 0) return i;
  }
  return -1;
}

/** Rewrites `has(a[0].b)` as `a[0].?b.__present()`, which means the same. Other text stays as it is. */
export function rewriteHas(text: string): string {
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const literal = endOfLiteral(text, i);
    if (literal > i) {
      result += text.slice(i, literal);
      i = literal - 1;
      continue;
    }
    const call = /^has\s*\(/.exec(text.slice(i, i + 20));
    const end = call && !/[\w.]/.test(text[i - 1] ?? "") ? closing(text, i + call[0].length - 1) : -1;
    if (!call || end < 0) {
      result += text[i];
      continue;
    }
    result += presenceOf(rewriteHas(text.slice(i + call[0].length, end)));
    i = end;
  }
  return result;
}

function presenceOf(argument: string): string {
  const field = /[\])]\s*\.\s*([A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)\s*$/.exec(argument);
  const last = field && /\.\s*([A-Za-z_]\w*)\s*$/.exec(argument);
  return last ? `(${argument.slice(0, last.index)}.?${last[1]}.${presentField}())` : `has(${argument})`;
}
