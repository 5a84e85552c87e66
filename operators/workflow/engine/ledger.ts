// Counts over a workflow's nodes, kept as they change.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { hasFailed, isOver } from "./phase.ts";

/** Types that count against a template's parallelism. */
const counted = new Set(["Pod", "Steps", "DAG", "Suspend"]);

/** Can be made again from the nodes at any time. */
export class Ledger {
  /** Pods that are not over. */
  activePods = 0;
  runningPods = 0;
  readonly #activeIn = new Map<string, number>();
  readonly #failedIn = new Set<string>();
  /** Nodes that were or are daemons, by ID. */
  readonly daemons = new Set<string>();
  /** Pods whose progress or resources may have changed since they were summed. */
  readonly unsummed = new Set<string>();
  /** Of all pods, and of those of the exit handler. */
  readonly sums = noSums();
  readonly exitSums = noSums();
  /** How many nodes there are. */
  nodes = 0;

  constructor(nodes: Iterable<NodeStatus>) {
    for (const node of nodes) this.add(node);
  }

  /** A new node. */
  add(node: NodeStatus): void {
    this.nodes++;
    this.enter(node);
  }

  /** A node has its phase. */
  enter(node: NodeStatus): void {
    this.#count(node, 1);
    if (node.daemoned) this.daemons.add(node.id);
    if (node.boundaryID && hasFailed(node)) this.#failedIn.add(node.boundaryID);
    if (node.type === "Pod") this.unsummed.add(node.id);
  }
  /** A node is about to get another phase. */
  leave(node: NodeStatus): void {
    this.#count(node, -1);
  }

  #count(node: NodeStatus, by: 1 | -1): void {
    if (isOver(node)) return;
    if (node.type === "Pod") {
      this.activePods += by;
      if (node.phase === "Running") this.runningPods += by;
    }
    if (!node.boundaryID || !counted.has(node.type)) return;
    this.#activeIn.set(node.boundaryID, this.activeIn(node.boundaryID) + by);
  }

  /** Nodes directly inside a boundary that are under way and count against its parallelism. */
  activeIn(boundary: string): number {
    return this.#activeIn.get(boundary) ?? 0;
  }
  hasFailedIn(boundary: string): boolean {
    return this.#failedIn.has(boundary);
  }
}

const noSums = (): Sums => ({ done: 0, all: 0, resources: {}, shares: new Map() });

/** What the pods add up to, and what each of them has added. */
export interface Sums {
  done: number;
  all: number;
  resources: Record<string, number>;
  shares: Map<string, Share>;
}
export interface Share {
  done: number;
  all: number;
  resources: Record<string, number> | undefined;
}
