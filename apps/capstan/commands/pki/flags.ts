import { nearest } from "@capstan/base/errors";
import { UsageError } from "../usage.ts";

/** Flags as Go's programs take them: `-name value`, `-name=value` and `--name value` are the same. */
export interface Flags {
  /** Value of a flag; undefined when it was not given. */
  text(name: string): string | undefined;
  is(name: string): boolean;
  positionals: string[];
}

/** @param known names → whether they take a value */
export function parseFlags(command: string, args: string[], known: Record<string, "value" | "switch">): Flags {
  const values = new Map<string, string>();
  const positionals: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const [, name = "", , given] = /^--?([a-z][a-z0-9-]*)(=([\s\S]*))?$/.exec(word) ?? [];
    if (name === "") {
      positionals.push(word);
      continue;
    }
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      const meant = nearest(name, Object.keys(known));
      throw new UsageError("pki", `${command} has no flag -${name}${meant ? `; do you mean -${meant}?` : ""}`);
    }
    if (kind === "switch") values.set(name, given ?? "true");
    else {
      const value = given ?? args[++at];
      if (value === undefined) throw new UsageError("pki", `${command}: -${name} needs a value`);
      values.set(name, value);
    }
  }
  return {
    text: (name) => values.get(name) || undefined,
    is: (name) => values.get(name) === "true",
    positionals,
  };
}

/** @throws UsageError that says what is missing */
export function needed(command: string, value: string | undefined, what: string): string {
  if (value === undefined) throw new UsageError("pki", `${command}: ${what} is missing`);
  return value;
}
