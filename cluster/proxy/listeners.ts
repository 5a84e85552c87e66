// The part of a plan that is served in user space.
import { messageOf } from "@capstan/base/errors";
import { Balancer } from "./balancer.ts";
import type { Frontend, Plan } from "./plan.ts";
import { type Listener, listenTcp } from "./tcp.ts";
import { listenUdp } from "./udp.ts";

interface Served {
  balancer: Balancer;
  /** By `host:port`; what is being opened or closed is waited for by the next change. */
  listeners: Map<string, Listener>;
  queue: Promise<void>;
}

export interface Listeners {
  /** Opens and closes what is needed for a plan to be served at these addresses, and nowhere else. */
  serve(plan: Plan, frontends: Frontend[]): void;
  /** Stops listening; connections that there are go on. */
  forget(id: string): void;
  /** Resolves when everything asked for so far is done. */
  settled(): Promise<void>;
  /** Ends the connections too. */
  close(): Promise<void>;
}

export interface ListenersOptions {
  allows: NonNullable<Balancer["allows"]>;
  /** Told when an address cannot be listened at. */
  problem(plan: Plan, text: string): void;
}

/** What gives a process without root the right to listen below 1024; empty for other errors. */
export function lowPortHint(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code !== "EACCES") return "";
  return " (without root, ports below 1024 need: sysctl net.ipv4.ip_unprivileged_port_start=0)";
}

export function createListeners({ allows, problem }: ListenersOptions): Listeners {
  const served = new Map<string, Served>();
  const leaving = new Set<Promise<void>>();
  const draining = new Set<Listener>();

  const drain = (listener: Listener) => {
    draining.add(listener);
    void listener.ended.then(() => draining.delete(listener));
    return listener.drain();
  };
  const change = (one: Served, plan: Plan | undefined, frontends: Frontend[]) => {
    const wanted = new Map(frontends.map((frontend) => [`${frontend.host}:${frontend.port}`, frontend]));
    one.queue = one.queue.then(async () => {
      for (const [key, listener] of one.listeners) {
        if (wanted.has(key)) continue;
        one.listeners.delete(key);
        await drain(listener);
      }
      for (const [key, { host, port }] of wanted) {
        if (one.listeners.has(key)) continue;
        const listen = one.balancer.port.protocol === "TCP" ? listenTcp : listenUdp;
        try {
          one.listeners.set(key, await listen(host, port, one.balancer));
        } catch (error) {
          if (plan) problem(plan, `${key} cannot be served: ${messageOf(error)}${lowPortHint(error)}`);
        }
      }
    });
  };
  const settled = async () => {
    await Promise.all([...[...served.values()].map(({ queue }) => queue), ...leaving]);
  };
  const forget = (id: string) => {
    const one = served.get(id);
    if (!one) return;
    served.delete(id);
    change(one, undefined, []);
    const { queue } = one;
    leaving.add(queue);
    void queue.then(() => leaving.delete(queue));
  };
  return {
    serve(plan, frontends) {
      let one = served.get(plan.id);
      if (one) one.balancer.update(plan.settings);
      else {
        const balancer = new Balancer(plan.port, plan.settings, allows);
        one = { balancer, listeners: new Map(), queue: Promise.resolve() };
        served.set(plan.id, one);
      }
      change(one, plan, one.balancer.empty ? [] : frontends);
    },
    forget,
    settled,
    async close() {
      for (const id of [...served.keys()]) forget(id);
      await settled();
      await Promise.all([...draining].map((listener) => listener.close()));
    },
  };
}
