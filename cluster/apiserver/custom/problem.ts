import { messageOf } from "@capstan/base/errors";

/** What went wrong in an expression, in one line and as cel-go says it. */
export function problemOf(thrown: unknown): string {
  const { summary } = thrown as { summary?: unknown };
  const text = typeof summary === "string" ? summary : messageOf(thrown).split("\n")[0];
  return text ? text[0]?.toLowerCase() + text.slice(1) : "";
}
