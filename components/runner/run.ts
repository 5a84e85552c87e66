import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ComponentDefinition,
  ComponentError,
  checkComponent,
  type PortSchemas,
  parseParameters,
  problemText,
  type RunContext,
} from "@capstan/components/contract";

export interface RunOptions {
  /** Text by parameter name. */
  parameters: Record<string, string>;
  /** Directory with a file or directory for each input port. */
  inputs: string;
  /** Directory for output ports, and `<name>.json` for output parameters. */
  outputs: string;
  /** Directory below which a scratch directory is made. */
  scratch: string;
  log(line: string): void;
  signal: AbortSignal;
}

/** Most characters of an output parameter. */
export const resultLimit = 200_000;

/** Runs a component once. Rejects with a ComponentError when it refuses what it was given. */
export async function runComponent(definition: ComponentDefinition, options: RunOptions): Promise<void> {
  const { values, problems } = parseParameters(definition.parameters, options.parameters);
  if (problems.length > 0) throw new ComponentError(problemText(problems));
  await mkdir(options.outputs, { recursive: true });
  const scratch = await mkdtemp(join(options.scratch, "capstan-"));
  try {
    await definition.run(createContext(definition, options, values, scratch));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A result that would not fit into the workflow's status is left out: it is for show, and ports carry what counts. */
function resultText(parameter: string, value: unknown, log: (line: string) => void): string {
  const text = JSON.stringify(value);
  if (text.length <= resultLimit) return text;
  const omitted = `${parameter} has ${text.length} characters, more than ${resultLimit} (limit result)`;
  log(`${omitted}: it is left out`);
  return JSON.stringify({ omitted });
}

function createContext(
  definition: ComponentDefinition,
  options: RunOptions,
  values: Record<string, unknown>,
  scratch: string,
): RunContext {
  const pathOf = (port: string) => {
    if (!Object.hasOwn(definition.inputs, port)) throw new Error(`${definition.name} has no input port ${port}`);
    return join(options.inputs, port);
  };
  return {
    parameters: values as RunContext["parameters"],
    scratch,
    signal: options.signal,
    log: options.log,
    input(port) {
      const path = pathOf(port);
      if (!existsSync(path)) throw new ComponentError(`the input ${port} is not connected: nothing is at ${path}`);
      return path;
    },
    optionalInput(port) {
      const path = pathOf(port);
      return existsSync(path) ? path : undefined;
    },
    check(inputs: PortSchemas) {
      const { problems } = checkComponent(definition, options.parameters, inputs);
      if (problems.length > 0) throw new ComponentError(problemText(problems));
    },
    output(port) {
      if (!Object.hasOwn(definition.outputs, port)) throw new Error(`${definition.name} has no output port ${port}`);
      return join(options.outputs, port);
    },
    async emit(parameter, value) {
      if (!Object.hasOwn(definition.results, parameter))
        throw new Error(`${definition.name} has no result ${parameter}`);
      await writeFile(join(options.outputs, `${parameter}.json`), resultText(parameter, value, options.log));
    },
  };
}
