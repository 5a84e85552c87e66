// What all verbs share: the cluster, the namespace, Ctrl-C, and which workflows are meant.
import { existsSync, readFileSync, statSync } from "node:fs";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { type ObjectRef, refOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { readParameter } from "@capstan/operators/workflow/control";
import { clusterFlags, openCluster } from "../cluster-access.ts";
import { UsageError } from "../usage.ts";
import { findSubmitted } from "./submitted.ts";

/** One verb: its help, and what it does with the arguments after its name. Resolves to the exit code. */
export interface Verb {
  help: string;
  /** Of a verb that has verbs of its own: the help that the arguments after its name ask for. */
  helpOf?(args: string[]): Promise<string>;
  run(args: string[]): Promise<number>;
}

export const commonFlags = { ...clusterFlags, namespace: { type: "string", short: "n" } } as const;

export const commonHelp = `  -n, --namespace NS  default: the file's or the kubeconfig's, else "default"
  --kubeconfig FILE   the cluster (default: $KUBECONFIG, else the running platform's own)
  --context NAME      of the kubeconfig (default: its current one)
  --data-dir DIR      of the running platform (default: $CAPSTAN_HOME, else ~/.capstan)`;

export interface Call {
  client: Client;
  namespace: string;
  /** The namespace was asked for, not found in the kubeconfig. */
  isNamed: boolean;
  /** Aborts at Ctrl-C. */
  signal: AbortSignal;
}

export const print = (text: string) => void process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
export const warn = (text: string) => void process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);

interface Values {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  "data-dir"?: string | undefined;
  namespace?: string | undefined;
}

/** Exit code of what Ctrl-C has ended, as shells have it. */
const interrupted = 130;

/** Opens the cluster for the time of `work`. */
export async function withCluster(values: Values, work: (call: Call) => Promise<number>): Promise<number> {
  using cluster = await openCluster(values);
  const stop = new AbortController();
  const end = () => stop.abort();
  process.on("SIGINT", end);
  try {
    const { client } = cluster;
    const isNamed = values.namespace !== undefined;
    return await work({ client, namespace: values.namespace ?? cluster.namespace, isNamed, signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) return interrupted;
    throw error;
  } finally {
    process.off("SIGINT", end);
  }
}

/** A file stands for the workflow that was submitted from it last, `@latest` for the newest; all else is a name. */
export async function locate({ client, namespace, isNamed }: Call, target: string): Promise<ObjectRef> {
  if (target === "@latest") {
    const { items } = await client.list(Workflows, { namespace, metadataOnly: true });
    const age = ({ metadata }: Workflow) => metadata.creationTimestamp ?? "";
    const newest = items.reduce<Workflow | undefined>((a, b) => (a && age(a) >= age(b) ? a : b), undefined);
    if (!newest) throw new Error(`there is no workflow in namespace ${namespace}`);
    return refOf(newest);
  }
  if (!existsSync(target) || !statSync(target).isFile()) return { namespace, name: target };
  return findSubmitted(client, readFileSync(target, "utf8"), target, isNamed ? namespace : undefined);
}

/** `-p NAME=VALUE` several times. */
export function readParameters(verb: string, texts: string[] | undefined): Record<string, string> {
  try {
    return Object.fromEntries((texts ?? []).map(readParameter));
  } catch (error) {
    throw new UsageError(`workflow ${verb}`, (error as Error).message);
  }
}

/** `a=b,c=d`. */
export function readPairs(verb: string, flag: string, text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  const pairs = text.split(",").map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at <= 0) throw new UsageError(`workflow ${verb}`, `${flag} takes NAME=VALUE,NAME=VALUE, not "${text}"`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
