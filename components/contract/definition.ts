import type { Parameters, ParameterValues, Text } from "./parameter.ts";
import type { Problem } from "./problem.ts";
import type { TableSchema } from "./schema.ts";

/** A table is one Parquet file that carries its schema; a model a directory; a file anything; a report JSON. */
export type PortType = "table" | "model" | "report" | "file";

export interface InputPort {
  type: PortType;
  title: Text;
  optional?: boolean;
}
export interface OutputPort {
  type: PortType;
  title: Text;
}

/** Schemas by port. Absent: not known before the run (or the port is not connected). */
export type PortSchemas = Record<string, TableSchema | undefined>;

export interface Propagation {
  outputs: PortSchemas;
  /** Paths are parameter names, or `inputs.<port>`. */
  problems: Problem[];
}

export interface RunContext<P extends Parameters = Parameters> {
  parameters: ParameterValues<P>;
  /** Path of an input port; throws ComponentError when nothing is there. */
  input(port: string): string;
  optionalInput(port: string): string | undefined;
  /** Throws ComponentError unless parameters and these actual schemas go together, by the definition's own rules. */
  check(inputs: PortSchemas): void;
  /** Path to write an output port to. */
  output(port: string): string;
  /** Writes an output parameter as JSON. */
  emit(parameter: string, value: unknown): Promise<void>;
  /** One line of progress. */
  log(line: string): void;
  /** A directory for spilling, removed afterwards. */
  scratch: string;
  signal: AbortSignal;
}

/** An algorithm component of the canvas: what its template, its editor form and its process are all made from. */
export interface ComponentDefinition<P extends Parameters = Parameters> {
  /** Also the template's name: kebab-case. */
  name: string;
  /** Semantic; a new one makes earlier cached results void. */
  version: string;
  /** It does more than its outputs tell, so that every run of it counts: nothing of it is used again. */
  hasEffects?: true;
  stage: "source" | "prepare" | "features" | "train" | "judge" | "ship";
  title: Text;
  docs: Text;
  parameters: P;
  inputs: Record<string, InputPort>;
  outputs: Record<string, OutputPort>;
  /** Output parameters (small JSON) by name. */
  results: Record<string, Text>;
  /**
   * What comes out of given schemas, before any run. Called with parameters whose columns were already found to exist.
   * Parameters known only at run time are undefined.
   */
  propagate(inputs: PortSchemas, parameters: Partial<ParameterValues<P>>): Propagation;
  run(context: RunContext<P>): Promise<void>;
}

/** Keeps the types of the parameters for `propagate` and `run`, and forgets them for everyone else. */
export function defineComponent<const P extends Parameters>(definition: ComponentDefinition<P>): ComponentDefinition {
  return definition as unknown as ComponentDefinition;
}
