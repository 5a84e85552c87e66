// The workflow engine: gaps between steps, rate, processor time, memory, restarts; against Argo's controller in the same run.
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { chain, fanOut, oneStep } from "./manifests.ts";
import type { Seen } from "./node.ts";
import type { System } from "./system.ts";

const atOnce = 32;

/** Creates them and waits until all are over. Resolves to seconds. @param patience milliseconds: what takes longer has failed. */
export async function runAll(client: Client, workflows: New<Workflow>[], { patience = 280_000 } = {}): Promise<number> {
  const open = new Set(workflows.map(({ metadata }) => metadata.name ?? ""));
  const signal = AbortSignal.timeout(patience);
  const began = performance.now();
  const queue = workflows.values();
  const creating = Array.from({ length: atOnce }, async () => {
    for (const workflow of queue) await client.create(Workflows, workflow);
  });
  await Promise.all([...creating, untilOver(client, open, signal)]);
  return (performance.now() - began) / 1000;
}

async function untilOver(client: Client, open: Set<string>, signal: AbortSignal): Promise<void> {
  const failed: string[] = [];
  const see = ({ metadata: { name, labels } }: Workflow) => {
    const phase = labels?.["workflows.argoproj.io/phase"];
    if (open.delete(name) && phase !== "Succeeded") failed.push(`${name}: ${phase}`);
  };
  const selector = { namespace: "default", labelSelector: "workflows.argoproj.io/completed=true" };
  // A server under load ends a watch now and then.
  while (open.size > 0 && !signal.aborted) {
    const { items, resourceVersion } = await client.list(Workflows, selector);
    for (const workflow of items) see(workflow);
    if (open.size === 0) break;
    for await (const event of client.watch(Workflows, { ...selector, resourceVersion, signal })) {
      if (event.type !== "BOOKMARK" && event.type !== "DELETED") see(event.object);
      if (open.size === 0) break;
    }
  }
  if (failed.length > 0) throw new Error(`workflows failed: ${failed.slice(0, 5).join(", ")}`);
  if (open.size > 0) throw new Error(`${open.size} workflows were not over in time`);
}

/** Milliseconds from the end of each pod of a chain to its successor's being there. */
export function gapsOf(seen: Seen[]): number[] {
  const inOrder = seen.toSorted((a, b) => a.seen - b.seen);
  return inOrder.slice(1).map((entry, i) => entry.seen - (inOrder[i] as Seen).over);
}

/** What a workflow took of the engine's processor, milliseconds for each node. */
export async function costOf(
  { client, engineSeconds }: System,
  workflow: New<Workflow>,
  nodes: number,
): Promise<number> {
  const before = engineSeconds();
  await runAll(client, [workflow]);
  return ((engineSeconds() - before) * 1000) / nodes;
}

/** Gaps in a chain of so many steps. */
export async function gapsIn({ client, node }: System, length: number): Promise<number[]> {
  await node.take();
  await runAll(client, [chain("gaps", length)]);
  return gapsOf((await node.take()).filter(({ workflow }) => workflow === "gaps"));
}

/** Workflows of one step that end in a second. */
export async function rateOf({ client }: System, count: number): Promise<number> {
  return (
    count /
    (await runAll(
      client,
      Array.from({ length: count }, (_, i) => oneStep(`rate-${i}`)),
    ))
  );
}

/** So that what a process does for the first time is not measured. */
export async function warmUp({ client }: System, ones = 50): Promise<void> {
  const many = Array.from({ length: ones }, (_, i) => oneStep(`warm-${i}`));
  await runAll(client, [chain("warm-chain", 5), fanOut("warm-fan", 10), ...many]);
}
