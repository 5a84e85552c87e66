// How many workflows run at once: in all, and in each namespace. Those that wait come in turns of their namespaces.
import { keyOf, type ObjectRef } from "@capstan/api/meta";

export interface ThrottleOptions {
  /** Workflows that may run at once; 0: any number. */
  total(): number;
  of(namespace: string): number;
  /** Called with a workflow whose turn has come. */
  wake(ref: ObjectRef): void;
}

/** Who comes first in a namespace: the higher priority, then the older one. */
export interface Rank {
  priority: number;
  createdAt: string;
}

interface Waiting extends Rank {
  ref: ObjectRef;
}

export class Throttle {
  readonly #options: ThrottleOptions;
  /** Namespaces by key, of those that run. */
  readonly #running = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  /** When each namespace last had a turn. */
  readonly #turns = new Map<string, number>();
  #turn = 0;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Whether a workflow may run; else it waits, and is woken. */
  admit(ref: ObjectRef, rank: Rank): boolean {
    const key = keyOf(ref);
    if (this.#running.has(key)) return true;
    const { namespace = "" } = ref;
    const waiting = this.#waiting.get(namespace) ?? new Map<string, Waiting>();
    waiting.set(key, { ref, ...rank });
    this.#waiting.set(namespace, waiting);
    this.#fill(key);
    return this.#running.has(key);
  }

  /** Counts a workflow that runs already. */
  adopt(ref: ObjectRef): void {
    const key = keyOf(ref);
    if (!this.#running.has(key)) this.#begin(key, ref.namespace ?? "");
  }

  /** The workflow is over, or gone. */
  release(ref: ObjectRef): void {
    const key = keyOf(ref);
    const { namespace = "" } = ref;
    this.#forget(key, namespace);
    if (!this.#running.delete(key)) return;
    this.#counts.set(namespace, this.#count(namespace) - 1);
    if (this.#count(namespace) === 0) this.#counts.delete(namespace);
    this.#fill();
  }

  /** Limits have changed. */
  refill(): void {
    this.#fill();
  }

  #count(namespace: string): number {
    return this.#counts.get(namespace) ?? 0;
  }

  #forget(key: string, namespace: string): void {
    const waiting = this.#waiting.get(namespace);
    waiting?.delete(key);
    if (waiting?.size === 0) this.#waiting.delete(namespace);
  }

  #begin(key: string, namespace: string): void {
    this.#forget(key, namespace);
    this.#running.set(key, namespace);
    this.#counts.set(namespace, this.#count(namespace) + 1);
    this.#turns.set(namespace, ++this.#turn);
  }

  /** Lets as many begin as may. @param asking is told by the answer, not woken. */
  #fill(asking?: string): void {
    const total = this.#options.total();
    while (total === 0 || this.#running.size < total) {
      const namespace = this.#next();
      if (namespace === undefined) return;
      const [key, { ref }] = first(this.#waiting.get(namespace) ?? new Map());
      this.#begin(key, namespace);
      if (key !== asking) this.#options.wake(ref);
    }
  }

  /** Of the namespaces that may run one more, the one that runs fewest, then the one that waits longest for a turn. */
  #next(): string | undefined {
    let best: string | undefined;
    for (const namespace of this.#waiting.keys()) {
      const limit = this.#options.of(namespace);
      if (limit !== 0 && this.#count(namespace) >= limit) continue;
      if (best === undefined || this.#isBefore(namespace, best)) best = namespace;
    }
    return best;
  }

  #isBefore(a: string, b: string): boolean {
    const byCount = this.#count(a) - this.#count(b);
    return (byCount || (this.#turns.get(a) ?? 0) - (this.#turns.get(b) ?? 0)) < 0;
  }
}

function first(waiting: Map<string, Waiting>): [string, Waiting] {
  let best: [string, Waiting] | undefined;
  for (const entry of waiting) if (!best || compare(entry, best) < 0) best = entry;
  return best as [string, Waiting];
}

function compare([a, x]: [string, Waiting], [b, y]: [string, Waiting]): number {
  if (x.priority !== y.priority) return y.priority - x.priority;
  if (x.createdAt !== y.createdAt) return x.createdAt < y.createdAt ? -1 : 1;
  return a < b ? -1 : 1;
}
