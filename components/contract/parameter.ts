import type { ColumnType } from "./schema.ts";

/** One line in each language of the platform. */
export interface Text {
  en: string;
  zh: string;
}

interface Described {
  title: Text;
  docs: Text;
}

/** Columns are named in text as `a, b` or, where a name holds a comma, as a JSON array. */
export interface ColumnsParameter extends Described {
  type: "columns";
  /** Input port whose columns are meant. */
  port: string;
  /** Types that are allowed; absent: all. */
  of?: readonly ColumnType[];
  default?: readonly string[];
}
export interface ColumnParameter extends Described {
  type: "column";
  port: string;
  of?: readonly ColumnType[];
  /** "" where none is needed. */
  default?: string;
}
export interface NumberParameter extends Described {
  type: "number" | "integer";
  minimum?: number;
  maximum?: number;
  /** `minimum` itself is not allowed. */
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  default?: number;
}
export interface TextParameter extends Described {
  type: "string";
  default?: string;
  maxLength?: number;
}
export interface BooleanParameter extends Described {
  type: "boolean";
  default: boolean;
}
export interface ChoiceParameter<V extends string = string> extends Described {
  type: "choice";
  values: readonly V[];
  default: V;
}
/** In text `a=b, c=d` or a JSON object of strings. */
export interface MapParameter extends Described {
  type: "map";
  /** The keys are columns of this input port. */
  port?: string;
  /** Allowed values; absent: any. */
  values?: readonly string[];
}

/** A parameter without `default` is required, but `boolean`, `choice` and `map` always have one. */
export type Parameter =
  | ColumnsParameter
  | ColumnParameter
  | NumberParameter
  | TextParameter
  | BooleanParameter
  | ChoiceParameter
  | MapParameter;

export type ParameterValue<P extends Parameter> =
  P extends ChoiceParameter<infer V>
    ? V
    : P extends ColumnsParameter
      ? string[]
      : P extends NumberParameter
        ? number
        : P extends BooleanParameter
          ? boolean
          : P extends MapParameter
            ? Record<string, string>
            : string;

export type Parameters = Record<string, Parameter>;
export type ParameterValues<P extends Parameters> = { [K in keyof P]: ParameterValue<P[K]> };

/** The default as text, as an Argo parameter has it; undefined where a value is required. */
export function defaultText(parameter: Parameter): string | undefined {
  if (parameter.type === "map") return "";
  const value = parameter.default;
  if (value === undefined) return undefined;
  if (parameter.type !== "columns") return String(value);
  return namesToText(parameter.default ?? []);
}

export function namesToText(names: readonly string[]): string {
  return names.some((name) => /[",[\n]|^\s|\s$/.test(name)) ? JSON.stringify(names) : names.join(", ");
}
