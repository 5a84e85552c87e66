// What tags and expressions can name at one place of a workflow.
import type { Artifact } from "@capstan/api/kinds/workflow";
import type { Environment } from "../expressions/index.ts";

/** Values by full dotted name; null is known to be absent. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #values = new Map<string, string | null>();
  readonly #artifacts = new Map<string, Artifact>();
  #environment: Environment | undefined;
  #version = 0;
  #parentVersion = -1;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  get version(): number {
    return this.#version + (this.#parent?.version ?? 0);
  }

  set(name: string, value: string | null): void {
    if (this.#values.get(name) === value) return;
    this.#values.set(name, value);
    this.#touch();
  }

  setArtifact(name: string, artifact: Artifact): void {
    this.#artifacts.set(name, artifact);
    this.#touch();
  }

  #touch(): void {
    this.#environment = undefined;
    this.#version++;
  }

  get(name: string): string | null | undefined {
    const own = this.#values.get(name);
    return own === undefined ? this.#parent?.get(name) : own;
  }

  artifact(name: string): Artifact | undefined {
    return this.#artifacts.get(name) ?? this.#parent?.artifact(name);
  }

  #entries(into: Map<string, unknown>): Map<string, unknown> {
    if (this.#parent) this.#parent.#entries(into);
    for (const [name, value] of this.#values) into.set(name, value);
    for (const [name, artifact] of this.#artifacts) into.set(name, artifact);
    return into;
  }

  /** All names as nested maps. Where one name is the beginning of another, the longer ones win. */
  environment(): Environment {
    const parentVersion = this.#parent?.version ?? 0;
    if (this.#environment && this.#parentVersion === parentVersion) return this.#environment;
    const root: Environment = {};
    const entries = [...this.#entries(new Map())].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, value] of entries) place(root, name.split("."), value);
    this.#environment = root;
    this.#parentVersion = parentVersion;
    return root;
  }
}

function place(root: Environment, path: string[], value: unknown): void {
  let level = root;
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(level, part) ? level[part] : undefined;
    if (typeof next === "object" && next !== null) level = next as Environment;
    else {
      const made: Environment = Object.create(null) as Environment;
      level[part] = made;
      level = made;
    }
  }
  level[path.at(-1) as string] = value;
}
