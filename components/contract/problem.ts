import { nearest } from "@capstan/base/errors";

/** Why something is refused. `path` names the field, from the root of what was given. */
export interface Problem {
  path: string;
  message: string;
}

/** Thrown when a component refuses its parameters or its data: the message says what to do and needs no stack trace. */
export class ComponentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ComponentError";
  }
}

/** `no column "bil_length": did you mean "bill_length"?` */
export function unknownName(noun: string, name: string, known: Iterable<string>): string {
  const names = [...known];
  const guess = nearest(name, names);
  const hint =
    guess === undefined ? `the ${plural(noun)} are ${list(names)}` : `did you mean ${JSON.stringify(guess)}?`;
  return `no ${noun} ${JSON.stringify(name)}: ${hint}`;
}

const plural = (noun: string) => `${noun}s`;

function list(names: string[]): string {
  if (names.length === 0) return "(none)";
  const shown = names.slice(0, 12).map((name) => JSON.stringify(name));
  return shown.join(", ") + (names.length > shown.length ? ` and ${names.length - shown.length} more` : "");
}

export function problemText(problems: Problem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join("\n");
}
