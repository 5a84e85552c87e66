// Which plans there are, and what serves each: listeners of this process, the kernel's packet rules, or both.
import type { KubeObject } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import { createKernel, type Kernel, type KernelOptions } from "./kernel/kernel.ts";
import { isForKernel, isForListener, type KernelNetwork, type KernelPart } from "./kernel/rules.ts";
import { createListeners, type Listeners, type ListenersOptions } from "./listeners.ts";
import type { Plan } from "./plan.ts";

export type ProxyMode = "userspace" | "nftables";

export interface ServingOptions {
  mode: ProxyMode;
  kernel?: KernelNetwork & { table: string };
  monitor?: KernelOptions["monitor"];
  allows: ListenersOptions["allows"];
  /** Told of what cannot be served of an object. */
  problem(object: KubeObject, text: string): void;
  log: Logger;
}

export class Serving {
  readonly #options: ServingOptions;
  readonly #owners = new Map<string, { object: KubeObject; plans: Plan[] }>();
  readonly #ownerOf = new Map<string, string>();
  readonly #listeners: Listeners;
  readonly #kernel: Kernel | undefined;
  #mode: ProxyMode = "userspace";
  /** The kernel takes rules. */
  #packets = false;
  #trouble: string | undefined;

  constructor(options: ServingOptions) {
    const { allows, kernel: network, problem, log } = options;
    this.#options = options;
    this.#listeners = createListeners({
      allows,
      problem: (plan, text) => {
        const owner = this.#owners.get(this.#ownerOf.get(plan.id) ?? "");
        if (owner) problem(owner.object, text);
      },
    });
    if (network)
      this.#kernel = createKernel({
        network,
        monitor: options.monitor,
        parts: () =>
          [...this.#owners.values()].flatMap(({ plans }) => plans.flatMap((plan) => this.#split(plan).kernel)),
        failed: (why) => this.#fallBack(why),
        log,
      });
  }

  begin(): void {
    this.#trouble = this.#kernel?.open();
    this.#packets = this.#kernel !== undefined && this.#trouble === undefined;
    if (this.#packets) this.#mode = this.#options.mode;
  }

  /** The mode that it works in, and what lacks. */
  about(): string {
    const lacks = this.#mode === "nftables" ? this.#kernel?.missing() : undefined;
    return [`mode ${this.#mode}`, this.#trouble, lacks].filter(Boolean).join("; ");
  }

  has(owner: string): boolean {
    return this.#owners.has(owner);
  }

  /** From now on these are the plans of an object; without any it is forgotten. */
  settle(owner: string, object: KubeObject, plans: Plan[]): void {
    const kept = new Set(plans.map(({ id }) => id));
    for (const { id } of this.#owners.get(owner)?.plans ?? []) {
      if (kept.has(id)) continue;
      this.#ownerOf.delete(id);
      this.#listeners.forget(id);
    }
    if (plans.length > 0) this.#owners.set(owner, { object, plans });
    else this.#owners.delete(owner);
    for (const { id } of plans) this.#ownerOf.set(id, owner);
    this.#listen(plans);
    if (this.#packets) void this.#kernel?.update();
  }

  /** Resolves when everything settled so far is served, or cannot be. */
  async settled(): Promise<void> {
    // Where the kernel takes no rules, listeners come in their place.
    if (this.#packets) await this.#kernel?.update();
    await this.#listeners.settled();
  }

  async close(): Promise<void> {
    await Promise.all([this.#listeners.close(), this.#kernel?.close()]);
  }

  #listen(plans: Plan[]): void {
    for (const plan of plans) {
      const { listening } = this.#split(plan);
      if (listening.length > 0) this.#listeners.serve(plan, listening);
      else this.#listeners.forget(plan.id);
    }
  }

  #fallBack(why: string): void {
    this.#options.log.error("services are served in user space from now on", { error: why });
    this.#trouble = why;
    this.#mode = "userspace";
    this.#packets = false;
    for (const { plans } of this.#owners.values()) this.#listen(plans);
  }

  /** Which frontends of a plan are listened at, and what the kernel does for it. */
  #split(plan: Plan): { listening: Plan["frontends"]; kernel: KernelPart[] } {
    const { frontends, settings } = plan;
    if (settings.backends.length === 0 || !this.#packets) return { listening: frontends, kernel: [] };
    if (this.#mode === "nftables" && isForKernel(plan)) {
      const rest = frontends.filter((one) => !isForListener(one));
      const kernel = rest.length > 0 ? [{ plan, frontends: rest }] : [];
      return { listening: frontends.filter(isForListener), kernel };
    }
    // Addresses that are not the node's own: packets to them are led to a listener that there is anyway.
    const external = frontends.filter(({ kind }) => kind === "external");
    const listening = frontends.filter(({ kind }) => kind !== "external");
    const listener = listening.find((one) => !isForListener(one));
    if (external.length === 0 || !listener) return { listening: frontends, kernel: [] };
    return { listening, kernel: [{ plan, frontends: external, listener }] };
  }
}
