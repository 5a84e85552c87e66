import type { Namespace, Taint, Toleration } from "@capstan/api/generated/core-v1";
import { Namespaces, Nodes } from "@capstan/api/generated/resources";
import type { Domain } from "@capstan/api/kinds/domain";
import { isReason } from "@capstan/api/meta";
import { nodeLabel } from "./labels.ts";
import type { World } from "./world.ts";

/** On a Domain's namespace: the nodes that have joined it. One that comes back is still its own. */
const nodesAnnotation = "capstan.dev/nodes";
const tolerationsAnnotation = "scheduler.alpha.kubernetes.io/defaultTolerations";

/**
 * Makes a node the Domain's own, before it comes itself: whoever has the machine sees the secrets of its pods, so it
 * gets no other Domain's. A node that is another Domain's stays so.
 */
export async function adopt(world: World, { metadata }: Domain, name: string): Promise<void> {
  const { client } = world;
  const labels = { [nodeLabel]: metadata.name };
  const taints = [{ key: nodeLabel, value: metadata.name, effect: "NoSchedule" }];
  await remember(world, metadata.name, name);
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

/** The nodes that have joined the Domain of a namespace. */
export function joinedNodes({ metadata }: Pick<Namespace, "metadata">): string[] {
  return (metadata.annotations?.[nodesAnnotation] ?? "").split(",").filter(Boolean);
}

/** Makes nodes the Domain's own again that were deleted, by hand or for their silence, and have come back without its label. */
export async function readopt(world: World, domain: Domain): Promise<void> {
  const { informers } = world;
  const namespace = informers.informer(Namespaces).get({ name: domain.metadata.name });
  for (const name of namespace ? joinedNodes(namespace) : []) {
    const node = informers.informer(Nodes).get({ name });
    if (node && node.metadata.labels?.[nodeLabel] === undefined) await adopt(world, domain, name);
  }
}

/**
 * Lets the nodes go that joined a Domain which is purged. Their machines are still the tenant's: the taint stays, without
 * a Domain's name that any pod would tolerate, until an administrator takes it away.
 */
export async function release({ client, informers }: World, domain: string): Promise<void> {
  for (const node of informers.informer(Nodes).byIndex("domain", domain)) {
    const isOwn = ({ key, value }: Taint) => key === nodeLabel && value === domain;
    const present = node.spec?.taints ?? [];
    if (!present.some(isOwn)) continue;
    const { [nodeLabel]: _, ...labels } = node.metadata.labels ?? {};
    const taints = present.map((taint) => (isOwn(taint) ? { key: nodeLabel, effect: taint.effect } : taint));
    await client.update(Nodes, { ...node, metadata: { ...node.metadata, labels }, spec: { ...node.spec, taints } });
  }
}

/** Pods of the Domain may go to its nodes. Source: the plugin PodTolerationRestriction reads the annotation. */
async function remember({ client }: World, domain: string, node: string): Promise<void> {
  const ref = { name: domain };
  const namespace = await client.get(Namespaces, ref);
  const { annotations: present = {}, resourceVersion } = namespace.metadata;
  const tolerations = readTolerations(present[tolerationsAnnotation]);
  const own: Toleration = { key: nodeLabel, operator: "Equal", value: domain, effect: "NoSchedule" };
  const isTolerated = tolerations.some(({ key }) => key === nodeLabel);
  const nodes = joinedNodes(namespace);
  if (isTolerated && nodes.includes(node)) return;
  const annotations = {
    [tolerationsAnnotation]: JSON.stringify(isTolerated ? tolerations : [...tolerations, own]),
    [nodesAnnotation]: [...new Set([...nodes, node])].join(","),
  };
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
