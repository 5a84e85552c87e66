import type { Pod } from "@capstan/api/generated/core-v1";

interface Waiting {
  pod: Pod;
  /** Orders pods of the same priority: first come, first served. */
  turn: number;
}

/** Pods to be placed: the highest priority first. Those that fit nowhere wait aside until something changes. */
export class SchedulingQueue {
  readonly #active = new Map<string, Waiting>();
  readonly #aside = new Map<string, Waiting>();
  readonly #turns = new Map<string, number>();
  #sorted: string[] = [];
  #dirty = false;
  #turn = 0;

  get size(): number {
    return this.#active.size;
  }

  /** A new or changed pod. */
  add(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    this.#aside.delete(uid);
    if (!this.#turns.has(uid)) this.#turns.set(uid, ++this.#turn);
    this.#active.set(uid, { pod, turn: this.#turns.get(uid) ?? 0 });
    this.#dirty = true;
  }

  /** The pod's newest state where it waits; its turn stays. */
  refresh(pod: Pod): void {
    const waiting = this.#aside.get(pod.metadata.uid ?? "") ?? this.#active.get(pod.metadata.uid ?? "");
    if (waiting) waiting.pod = pod;
  }

  setAside(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    this.#aside.set(uid, { pod, turn: this.#turns.get(uid) ?? 0 });
  }

  remove(uid: string): void {
    if (this.#active.delete(uid)) this.#dirty = true;
    this.#aside.delete(uid);
    this.#turns.delete(uid);
  }

  has(uid: string): boolean {
    return this.#active.has(uid) || this.#aside.has(uid);
  }

  /** Something changed: pods that wait aside (all, or those chosen) get another try. */
  wake(chosen: (pod: Pod) => boolean = () => true): void {
    for (const [uid, waiting] of this.#aside) {
      if (!chosen(waiting.pod)) continue;
      this.#aside.delete(uid);
      this.#active.set(uid, waiting);
      this.#dirty = true;
    }
  }

  /** Takes all that are chosen, waiting aside or not, in the order of their turns. */
  takeAll(chosen: (pod: Pod) => boolean): Pod[] {
    this.wake(chosen);
    const taken = [...this.#active.values()].filter(({ pod }) => chosen(pod)).sort(inOrder);
    for (const { pod } of taken) this.#active.delete(pod.metadata.uid ?? "");
    return taken.map(({ pod }) => pod);
  }

  /** Pods that wait for victims to leave the node that they were promised. */
  get nominated(): Pod[] {
    const all = [...this.#active.values(), ...this.#aside.values()];
    return all.map(({ pod }) => pod).filter(({ status }) => status?.nominatedNodeName);
  }

  take(): Pod | undefined {
    if (this.#dirty) {
      const order = [...this.#active].sort(([, a], [, b]) => inOrder(a, b));
      this.#sorted = order.map(([uid]) => uid).reverse();
      this.#dirty = false;
    }
    for (let uid = this.#sorted.pop(); uid !== undefined; uid = this.#sorted.pop()) {
      const waiting = this.#active.get(uid);
      if (!waiting) continue;
      this.#active.delete(uid);
      return waiting.pod;
    }
    return undefined;
  }
}

function inOrder(a: Waiting, b: Waiting): number {
  return priorityOf(b.pod) - priorityOf(a.pod) || a.turn - b.turn;
}

export function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0;
}
