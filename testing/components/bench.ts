// A place to run single components in: a temporary directory that goes away with it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ComponentDefinition } from "@capstan/components/contract";
import { catalogue } from "@capstan/components/library";
import { runComponent } from "@capstan/components/runner";
import { openDatabase, openTable, type Table, type Value } from "@capstan/components/tables";

export interface StepResult {
  /** Path of an output port. */
  output(port: string): string;
  /** Value of an output parameter. */
  result<T = Record<string, unknown>>(name: string): T;
  lines: string[];
}

export interface Bench extends Disposable {
  directory: string;
  /** Writes a file and answers its path. */
  file(name: string, content: string | Uint8Array): string;
  run(component: string, parameters: Record<string, string>, inputs?: Record<string, string>): Promise<StepResult>;
  /** Rows of a table that a component wrote. */
  rows(path: string): Promise<Record<string, Value>[]>;
  table(path: string): Promise<Table>;
}

export function createBench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  let steps = 0;
  return {
    directory,
    file(name, content) {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    },
    async run(component, parameters, inputs = {}) {
      const root = join(directory, `${++steps}-${component}`);
      mkdirSync(join(root, "in"), { recursive: true });
      for (const [port, path] of Object.entries(inputs)) symlinkSync(path, join(root, "in", port));
      const lines: string[] = [];
      await runComponent(catalogue.get(component) as ComponentDefinition, {
        parameters,
        inputs: join(root, "in"),
        outputs: join(root, "out"),
        scratch: root,
        log: (line) => lines.push(line),
        signal: new AbortController().signal,
      });
      return {
        lines,
        output: (port) => join(root, "out", port),
        result: (name) => JSON.parse(readFileSync(join(root, "out", `${name}.json`), "utf8")),
      };
    },
    async rows(path) {
      using database = await openDatabase({ scratch: directory });
      return await database.rows((await openTable(database, path)).sql);
    },
    async table(path) {
      using database = await openDatabase({ scratch: directory });
      return await openTable(database, path);
    },
    [Symbol.dispose]() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
