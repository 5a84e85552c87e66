import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { type Allocation, type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { Device, DevicePlugin, Grant } from "./plugin.ts";

export interface DeviceManagerOptions {
  /** Where it is kept which container has which devices. */
  file: string;
  log: Logger;
  /** How long a resource whose plugin has gone is still told, with no device allocatable. Default 5 minutes. */
  graceMs?: number;
}

interface Known {
  plugin: DevicePlugin;
  devices: Device[];
  stop: AbortController;
  /** Drops the resource after its plugin has gone. */
  timer?: NodeJS.Timeout;
}

const defaultGraceMs = 300_000;

/**
 * Gives the devices of a node to containers, each to one at a time. Allocations outlive the agent.
 * Source: pkg/kubelet/cm/devicemanager.
 */
export class DeviceManager {
  readonly #options: DeviceManagerOptions;
  readonly #known = new Map<string, Known>();
  readonly #state: Checkpoint;
  readonly #listeners = new Set<() => void>();
  /** Allocations follow one another, so that no device is given twice. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws when the record of devices cannot be read. */
  constructor(options: DeviceManagerOptions) {
    this.#options = options;
    this.#state = readCheckpoint(options.file);
  }

  /** Told whenever capacity or allocatable changes. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** What the Node's status says; resources that are registered no more count as "0". */
  amounts(): { capacity: Record<string, string>; allocatable: Record<string, string> } {
    const capacity: Record<string, string> = {};
    const allocatable: Record<string, string> = {};
    for (const resource of this.#state.resources) {
      const devices = this.#known.get(resource)?.devices ?? [];
      capacity[resource] = String(devices.length);
      allocatable[resource] = String(devices.filter(({ healthy }) => healthy).length);
    }
    return { capacity, allocatable };
  }

  /** Takes a plugin in; one of the same resource is replaced. Resolves when it has gone or the signal aborts. */
  async register(plugin: DevicePlugin, signal: AbortSignal): Promise<void> {
    const { resource } = plugin;
    const { log } = this.#options;
    const before = this.#known.get(resource);
    before?.stop.abort();
    clearTimeout(before?.timer);
    const stop = new AbortController();
    const known: Known = { plugin, devices: before?.devices ?? [], stop };
    this.#known.set(resource, known);
    if (!this.#state.resources.includes(resource)) {
      this.#state.resources.push(resource);
      this.#save();
    }
    try {
      for await (const devices of plugin.devices(AbortSignal.any([signal, stop.signal]))) {
        known.devices = devices;
        this.#changed();
      }
    } catch (error) {
      if (!stop.signal.aborted) log.warn("a device plugin broke off", { resource, error });
    }
    if (stop.signal.aborted || signal.aborted) return;
    log.warn("a device plugin has gone: its devices are not given any more", { resource });
    known.devices = known.devices.map((device) => ({ ...device, healthy: false }));
    this.#changed();
    known.timer = setTimeout(() => {
      if (this.#known.get(resource) !== known) return;
      this.#known.delete(resource);
      this.#changed();
    }, this.#options.graceMs ?? defaultGraceMs);
    known.timer.unref();
  }

  /** Gives every container of the pod its devices, if it has not got them. @throws in the words of the kubelet */
  admit(pod: Pod): Promise<void> {
    const turn = this.#turn.then(() => this.#admit(pod));
    this.#turn = Promise.allSettled([turn]);
    return turn;
  }

  /** What an admitted container gets. */
  grant(pod: Pod, container: string): Grant {
    const held = Object.values(this.#state.pods[uidOf(pod)]?.[container] ?? {});
    return { env: held.flatMap(({ env }) => env), mounts: held.flatMap(({ mounts }) => mounts) };
  }

  /** Before each start of a container. */
  async beforeStart(pod: Pod, container: string): Promise<void> {
    for (const [resource, { ids }] of Object.entries(this.#state.pods[uidOf(pod)]?.[container] ?? {})) {
      const known = this.#known.get(resource);
      if (!known) throw new Error(`endpoint not found in cache for a registered resource: ${resource}`);
      try {
        await known.plugin.beforeStart(ids);
      } catch (error) {
        throw new Error(`device plugin PreStartContainer rpc failed with err: ${messageOf(error)}`, { cause: error });
      }
    }
  }

  /** The pod's containers have ended for good. */
  release(pod: Pod): void {
    this.#forget(uidOf(pod));
  }

  /** Pods that ended while no agent looked give their devices back. @param uids of the pods that are there. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const uid of Object.keys(this.#state.pods)) if (!uids.has(uid)) this.#forget(uid);
  }

  #forget(uid: string): void {
    if (!this.#state.pods[uid]) return;
    delete this.#state.pods[uid];
    this.#save();
  }

  async #admit(pod: Pod): Promise<void> {
    const uid = uidOf(pod);
    if (this.#state.pods[uid]) return;
    const given: Record<string, Record<string, Allocation>> = {};
    /** Devices of init containers that have ended when those after them start. */
    const free = new Map<string, string[]>();
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    const taken = new Map<string, Set<string>>();
    for (const container of containers) {
      const ended = pod.spec?.initContainers?.includes(container) && container.restartPolicy !== "Always";
      for (const [resource, count] of this.#wanted(container)) {
        const mine = taken.get(resource) ?? new Set<string>();
        taken.set(resource, mine);
        const reusable = free.get(resource) ?? [];
        const allocation = await this.#allocate(resource, count, reusable, mine);
        given[container.name] = { ...given[container.name], [resource]: allocation };
        for (const id of allocation.ids) mine.add(id);
        const others = reusable.filter((id) => !allocation.ids.includes(id));
        free.set(resource, ended ? [...others, ...allocation.ids] : others);
      }
    }
    if (Object.keys(given).length === 0) return;
    this.#state.pods[uid] = given;
    this.#save();
  }

  #wanted({ resources }: Container): [string, number][] {
    return Object.entries(resources?.limits ?? {})
      .filter(([name]) => this.#state.resources.includes(name))
      .map(([name, quantity]): [string, number] => [name, parseQuantity(quantity)])
      .filter(([, count]) => count > 0);
  }

  async #allocate(resource: string, count: number, reusable: string[], mine: Set<string>): Promise<Allocation> {
    const known = this.#known.get(resource);
    if (!known) throw new Error(`cannot allocate unregistered device ${resource}`);
    const held = this.#held(resource);
    const ready = known.devices.filter(({ healthy }) => healthy).map(({ id }) => id);
    if (ready.length === 0) {
      throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
    }
    const must = reusable.filter((id) => ready.includes(id)).slice(0, count);
    const available = ready.filter((id) => must.includes(id) || (!held.has(id) && !mine.has(id)));
    if (available.length < count) {
      const numbers = `Requested: ${count}, Available: ${available.length}`;
      throw new Error(`requested number of devices unavailable for ${resource}. ${numbers}`);
    }
    const preferred = await known.plugin.prefer(available, must, count);
    const usable = preferred?.filter((id) => available.includes(id) && !must.includes(id)) ?? [];
    const ids = [...new Set([...must, ...usable, ...available])].slice(0, count);
    return { ids, ...(await known.plugin.allocate(ids)) };
  }

  #held(resource: string): Set<string> {
    const pods = Object.values(this.#state.pods).flatMap((containers) => Object.values(containers));
    return new Set(pods.flatMap((resources) => resources[resource]?.ids ?? []));
  }

  #save(): void {
    writeCheckpoint(this.#options.file, this.#state);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? "";
}
