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

/** How old the heartbeats of a status may be, in milliseconds: Kuscia's agents report as often. */
const heartbeatAge = 30_000;

/** Whether a status has fallen behind the nodes' heartbeats. */
export function isDated(old: DomainNodeStatus[] | undefined, fresh: DomainNodeStatus[]): boolean {
  const beat = (status: DomainNodeStatus | undefined) => Date.parse(status?.lastHeartbeatTime ?? "") || 0;
  const told = new Map(old?.map((status) => [status.name, status]));
  return fresh.some((status) => beat(status) - beat(told.get(status.name)) >= heartbeatAge);
}

/** When the node has been silent since, in milliseconds since 1970; undefined while it is ready. */
export function silentSince(node: Node): number | undefined {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  if (ready?.status === "True") return undefined;
  return Date.parse(ready?.lastTransitionTime ?? node.metadata.creationTimestamp ?? "") || undefined;
}
