// What a store is opened with: Secrets and the environment, from whoever opens it.
import type { SecretKeySelector } from "@capstan/api/generated/core-v1";
import { StoreError } from "./store.ts";

export interface StoreResources {
  /** The value of a Secret's key, undefined where one of them is missing. */
  secret(name: string, key: string): Promise<string | undefined>;
  /** Of whoever uses the store: where `useSDKCreds` looks for credentials. */
  env: Record<string, string | undefined>;
  /** Reads a file that the environment names, such as a token's. */
  readText(path: string): Promise<string>;
  /** The machine's own account may be used: this process is nobody's but the pod's. */
  machineAccount?: boolean;
  /** Runs the program `git`; absent where programs are not to be run. */
  git?: RunGit;
  /** The root of the directory repository, and whose part of it is used; absent where there is none. */
  directory?: { root: string; namespace: string };
}

export interface GitRun {
  args: string[];
  env: Record<string, string>;
  signal: AbortSignal;
}
/** @returns what it printed. @throws Error with what it said, or that there is no such program. */
export type RunGit = (run: GitRun) => Promise<string>;

/** A Secret's value without surrounding blanks; undefined where the location names none. @throws StoreError naming what is missing. */
export async function readSecret(
  resources: StoreResources,
  selector: SecretKeySelector | undefined,
  field: string,
): Promise<string | undefined> {
  if (!selector?.name) return undefined;
  const value = await resources.secret(selector.name, selector.key);
  if (value !== undefined) return value.trim();
  if (selector.optional) return undefined;
  throw new StoreError(`${field}: there is no Secret ${selector.name} with the key ${selector.key} in the namespace`);
}
