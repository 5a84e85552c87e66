import { type ParseArgsConfig, parseArgs } from "node:util";

/** The words of a command line are wrong: exit code 2. */
export class UsageError extends Error {
  readonly command: string;

  constructor(command: string, message: string) {
    super(message);
    this.name = "UsageError";
    this.command = command;
  }
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Parses a command's arguments; anything it does not know is a UsageError.
 * @param positionals their names; `NAME?` may be absent, and a last one that is `NAME...` may come again.
 */
export function parse<const O extends Options>(
  command: string,
  args: string[],
  options: O,
  positionals: string[] = [],
) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
    const isOpen = /\.\.\.\??$/.test(positionals.at(-1) ?? "");
    if (parsed.positionals.length > positionals.length && !isOpen) {
      throw new UsageError(command, `unexpected argument "${parsed.positionals[positionals.length]}"`);
    }
    for (const [index, name] of positionals.entries()) {
      if (!name.endsWith("?") && parsed.positionals[index] === undefined)
        throw new UsageError(command, `${name} is missing`);
    }
    return parsed;
  } catch (error) {
    if (error instanceof TypeError && "code" in error) throw new UsageError(command, error.message);
    throw error;
  }
}

/** A whole number within bounds. */
export function parseNumber(command: string, flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(command, `${flag} takes a whole number from ${least} to ${most}, not "${text}"`);
}
