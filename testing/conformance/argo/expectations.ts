// What a directory of Argo manifests must come to: file names, phases and reasons; never the manifests themselves.
import { existsSync, readFileSync } from "node:fs";

export interface Expectation {
  /** Phases that are right, `refused` where the API server takes it not at all. Default: Succeeded. */
  phase?: string[];
  /** What a person does once the workflow waits: `resume`, `resume NAME=VALUE`, `stop`. */
  act?: string;
  /** Named here because upstream, or chance, has it so. */
  because?: string;
  /** What this machine does not have: the manifest is stored, but not waited for. */
  lacks?: string;
  /** Seconds until it must be over. Default 60. */
  seconds?: number;
}

/** By file, or by `file#n` for the n-th Workflow of a file, from 0. */
export type Expectations = Record<string, Expectation>;

/** @throws Error naming a row that says what is not known. */
export function readExpectations(file: string): Expectations {
  if (!existsSync(file)) throw new Error(`there is no table of expectations ${file}`);
  const table = JSON.parse(readFileSync(file, "utf8")) as Expectations;
  const known = new Set(["phase", "act", "because", "lacks", "seconds"]);
  for (const [name, row] of Object.entries(table)) {
    const other = Object.keys(row).find((key) => !known.has(key));
    if (other) throw new Error(`${file}: ${name}.${other} is none of ${[...known].join(", ")}`);
  }
  return table;
}
