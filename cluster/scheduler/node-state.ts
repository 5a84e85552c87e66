import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { type Amounts, add, amountsOf, comparedRequests, podRequests } from "./requests.ts";

/** A port that a pod takes on its node. */
export interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

interface Placed {
  pod: Pod;
  requests: Amounts;
  compared: { cpu: number; memory: number };
  ports: HostPort[];
}

/** A node and what is placed on it. */
export class NodeState {
  readonly name: string;
  node: Node | undefined;
  allocatable: Amounts = {};
  readonly requested: Amounts = {};
  readonly compared = { cpu: 0, memory: 0 };
  readonly #placed = new Map<string, Placed>();

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Node | undefined): void {
    this.node = node;
    this.allocatable = amountsOf(node?.status?.allocatable);
  }

  get pods(): Pod[] {
    return [...this.#placed.values()].map(({ pod }) => pod);
  }

  get size(): number {
    return this.#placed.size;
  }

  get isEmpty(): boolean {
    return this.node === undefined && this.#placed.size === 0;
  }

  place(pod: Pod): void {
    this.remove(pod);
    const placed = { pod, requests: podRequests(pod), compared: comparedRequests(pod), ports: hostPorts(pod) };
    this.#keep(placed);
  }

  remove(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    this.#count(placed, -1);
  }

  /** Whether another pod has one of these ports, on the same or on all addresses. */
  hasPort(wanted: HostPort[]): boolean {
    if (wanted.length === 0) return false;
    const taken = [...this.#placed.values()].flatMap(({ ports }) => ports);
    return wanted.some((port) => taken.some((other) => collides(port, other)));
  }

  /** A copy of the node: what it would be if some pods were gone and others had come. */
  imagine({ gone = [], coming = [] }: { gone?: Pod[]; coming?: Pod[] } = {}): NodeState {
    const copy = new NodeState(this.name);
    copy.setNode(this.node);
    const away = new Set(gone.map(({ metadata }) => metadata.uid));
    for (const placed of this.#placed.values()) if (!away.has(placed.pod.metadata.uid)) copy.#keep(placed);
    for (const pod of coming) copy.place(pod);
    return copy;
  }

  #keep(placed: Placed): void {
    this.#placed.set(placed.pod.metadata.uid ?? "", placed);
    this.#count(placed, 1);
  }

  #count({ requests, compared }: Placed, sign: 1 | -1): void {
    add(this.requested, requests, sign);
    this.compared.cpu += sign * compared.cpu;
    this.compared.memory += sign * compared.memory;
  }
}

export function hostPorts({ spec }: Pod): HostPort[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always")];
  return containers
    .flatMap(({ ports = [] }) => ports)
    .filter(({ hostPort }) => hostPort)
    .map(({ hostPort = 0, hostIP, protocol = "TCP" }) => ({ ip: hostIP || "0.0.0.0", protocol, port: hostPort }));
}

function collides(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === "0.0.0.0" || b.ip === "0.0.0.0";
}
