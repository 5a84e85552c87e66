// A directory of a test's own, and the programs that are run in it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const capstan = new URL("../../../apps/capstan/bin.js", import.meta.url).pathname;

/** Where build.sh put cfssl, cfssljson and kubeadm. */
export const peers = process.env.CAPSTAN_PKI_PEERS ?? "";

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface Desk {
  directory: string;
  path(name: string): string;
  read(name: string): string;
  /** Text and bytes as they are, anything else as JSON. */
  write(name: string, value: unknown): void;
  /** Runs a program with words that blanks separate. */
  run(program: string, line: string, input?: string): Ran;
  /** The standard output. @throws when the program fails */
  done(program: string, line: string, input?: string): string;
  /** The same of `capstan`. */
  capstan(line: string, input?: string): string;
}

/** It is removed after the file's tests. */
export function openDesk(name: string): Desk {
  const directory = mkdtempSync(join(tmpdir(), `capstan-${name}-`));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const path = (file: string) => join(directory, file);
  const run = (program: string, line: string, input = ""): Ran =>
    spawnSync(program, line.split(" ").filter(Boolean), { cwd: directory, encoding: "utf8", input });
  const done = (program: string, line: string, input?: string) => {
    const { status, stdout, stderr } = run(program, line, input);
    assert.equal(status, 0, `${program} ${line}: ${stderr}`);
    return stdout;
  };
  return {
    directory,
    path,
    read: (file) => readFileSync(path(file), "utf8"),
    write: (file, value) => {
      const isPlain = typeof value === "string" || value instanceof Uint8Array;
      writeFileSync(path(file), isPlain ? value : JSON.stringify(value));
    },
    run,
    done,
    capstan: (line, input) => done(process.execPath, `${capstan} ${line}`, input),
  };
}
