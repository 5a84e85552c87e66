import type { Toleration } from "@capstan/api/generated/core-v1";
import { Namespaces, Nodes } from "@capstan/api/generated/resources";
import type { Domain } from "@capstan/api/kinds/domain";
import { isReason } from "@capstan/api/meta";
import { nodeLabel } from "./labels.ts";
import type { World } from "./world.ts";

const tolerationsAnnotation = "scheduler.alpha.kubernetes.io/defaultTolerations";

/**
 * Makes a node the Domain's own, before it comes itself: whoever has the machine sees the secrets of its pods, so it
 * gets no other Domain's. A node that is another Domain's stays so.
 */
export async function adopt(world: World, { metadata }: Domain, name: string): Promise<void> {
  const { client } = world;
  const labels = { [nodeLabel]: metadata.name };
  const taints = [{ key: nodeLabel, value: metadata.name, effect: "NoSchedule" }];
  await tolerate(world, metadata.name);
  try {
    await client.create(Nodes, { metadata: { name, labels }, spec: { taints } });
    return;
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
  const node = await client.get(Nodes, { name });
  if (node.metadata.labels?.[nodeLabel] !== undefined) return;
  await client.patch(Nodes, { name }, { type: "strategic", body: { metadata: { labels }, spec: { taints } } });
}

/** Pods of the Domain may go to its nodes. Source: the plugin PodTolerationRestriction reads the annotation. */
async function tolerate({ client }: World, domain: string): Promise<void> {
  const ref = { name: domain };
  const { metadata } = await client.get(Namespaces, ref);
  const present = readTolerations(metadata.annotations?.[tolerationsAnnotation]);
  if (present.some(({ key }) => key === nodeLabel)) return;
  const own: Toleration = { key: nodeLabel, operator: "Equal", value: domain, effect: "NoSchedule" };
  const annotations = { [tolerationsAnnotation]: JSON.stringify([...present, own]) };
  const { resourceVersion } = metadata;
  await client.patch(Namespaces, ref, { type: "merge", body: { metadata: { annotations, resourceVersion } } });
}

function readTolerations(text: string | undefined): Toleration[] {
  if (!text) return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
