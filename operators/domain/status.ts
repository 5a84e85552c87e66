import type { Node } from "@capstan/api/generated/core-v1";
import type { DomainNodeStatus } from "@capstan/api/kinds/domain";

/** What a Domain's status says of its nodes, in order of their names. */
export function nodeStatuses(nodes: readonly Node[]): DomainNodeStatus[] {
  return nodes.map(nodeStatus).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nodeStatus(node: Node): DomainNodeStatus {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  return {
    name: node.metadata.name,
    version: node.status?.nodeInfo?.kubeletVersion ?? "",
    status: ready?.status === "True" ? "Ready" : "NotReady",
    ...(ready?.lastHeartbeatTime ? { lastHeartbeatTime: ready.lastHeartbeatTime } : {}),
    ...(ready?.lastTransitionTime ? { lastTransitionTime: ready.lastTransitionTime } : {}),
  };
}

/** Whether two statuses differ in more than the time of a heartbeat; no list and an empty one are the same. */
export function changed(old: DomainNodeStatus[] | undefined, fresh: DomainNodeStatus[]): boolean {
  const essence = (list: DomainNodeStatus[]) => list.map(({ name, version, status }) => [name, version, status]);
  return JSON.stringify(essence(old ?? [])) !== JSON.stringify(essence(fresh));
}
