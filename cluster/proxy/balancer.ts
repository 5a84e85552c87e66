import type { Backend, ServicePort } from "./backends.ts";
import type { Connection } from "./policy/decide.ts";
import { createScheduler, keyOf, type Scheduler, type SchedulerName } from "./schedulers.ts";

export interface BalancerSettings {
  backends: Backend[];
  scheduler: SchedulerName;
  /** Milliseconds for which a client keeps its backend; undefined: it does not. */
  affinity: number | undefined;
}

/** Clients whose backend is remembered; the one that has been silent longest is forgotten first. */
const affinityLimit = 10_000;

/** Gives every connection of one service port its backend. */
export class Balancer {
  readonly port: ServicePort;
  /** Endpoints that a client may not reach are not chosen for it. */
  readonly allows: (connection: Connection) => boolean;
  #settings: BalancerSettings;
  #scheduler: Scheduler;
  readonly #active = new Map<string, number>();
  readonly #clients = new Map<string, { key: string; until: number }>();

  constructor(port: ServicePort, settings: BalancerSettings, allows: (connection: Connection) => boolean = () => true) {
    this.port = port;
    this.allows = allows;
    this.#settings = settings;
    this.#scheduler = createScheduler(settings.scheduler);
  }

  /** Whether a backend that was chosen earlier is still one. */
  serves(backend: Backend): boolean {
    return this.#settings.backends.some((one) => keyOf(one) === keyOf(backend));
  }

  get empty(): boolean {
    return this.#settings.backends.length === 0;
  }

  update(settings: BalancerSettings): void {
    if (settings.scheduler !== this.#settings.scheduler) this.#scheduler = createScheduler(settings.scheduler);
    if (settings.affinity === undefined) this.#clients.clear();
    this.#settings = settings;
  }

  /** @param refused backends that have just refused this connection. @returns undefined when none is left. */
  choose(source: string, destination: string, refused: ReadonlySet<string>): Backend | undefined {
    const { backends, affinity } = this.#settings;
    const protocol = this.port.protocol === "TCP" ? "tcp" : "udp";
    const left = backends.filter(
      (one) => !refused.has(keyOf(one)) && this.allows({ source, destination: one.address, port: one.port, protocol }),
    );
    if (left.length === 0) return undefined;
    if (affinity === undefined) return this.#schedule(left, source, destination);
    const known = this.#clients.get(source);
    const kept = known && known.until > Date.now() ? left.find((one) => keyOf(one) === known.key) : undefined;
    const chosen = kept ?? this.#schedule(left, source, destination);
    this.#clients.delete(source);
    this.#clients.set(source, { key: keyOf(chosen), until: Date.now() + affinity });
    if (this.#clients.size > affinityLimit) {
      const [oldest] = this.#clients.keys();
      if (oldest !== undefined) this.#clients.delete(oldest);
    }
    return chosen;
  }

  /** Counts a connection. @returns what to call when it is over. */
  hold(backend: Backend): () => void {
    const key = keyOf(backend);
    this.#active.set(key, (this.#active.get(key) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#active.get(key) ?? 1) - 1;
      if (left === 0) this.#active.delete(key);
      else this.#active.set(key, left);
    };
  }

  #schedule(backends: Backend[], source: string, destination: string): Backend {
    return this.#scheduler(backends, { source, destination, active: (one) => this.#active.get(keyOf(one)) ?? 0 });
  }
}
