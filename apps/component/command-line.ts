import { ComponentError, unknownName } from "@capstan/components/contract";

export interface CommandLine {
  component: string;
  /** Text by parameter name. */
  parameters: Record<string, string>;
}

/** `capstan-component NAME --parameter=value …`. A value may hold anything, line ends and `=` too. */
export function parseCommandLine(args: readonly string[], known: Iterable<string>): CommandLine {
  const [component, ...rest] = args;
  const names = [...known];
  if (component === undefined) throw new ComponentError(`which component? Known are ${names.join(", ")}`);
  if (!names.includes(component)) throw new ComponentError(unknownName("component", component, names));
  const parameters: Record<string, string> = {};
  for (const arg of rest) {
    const [, name, value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
    if (name === undefined || value === undefined)
      throw new ComponentError(`${JSON.stringify(arg)} is not of the form --parameter=value`);
    if (Object.hasOwn(parameters, name)) throw new ComponentError(`--${name} is given twice`);
    parameters[name] = value;
  }
  return { component, parameters };
}
