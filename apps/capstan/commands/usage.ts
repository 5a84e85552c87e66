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

/** Parses a command's arguments; anything it does not know is a UsageError. */
export function parse<const O extends Options>(
  command: string,
  args: string[],
  options: O,
  positionals: string[] = [],
) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
    if (parsed.positionals.length > positionals.length) {
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
