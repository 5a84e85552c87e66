import type { Resource } from "@capstan/api/meta";
import { StatusError } from "@capstan/api/meta";
import type { Description } from "./aggregation/descriptions.ts";
import type { Kind } from "./kind.ts";

/** The kinds being served. Custom ones come and go while the server runs. */
export class Registry {
  private readonly byPath = new Map<string, Kind>();
  private readonly byKind = new Map<string, Kind>();
  /** Of the kinds; empty until somebody asks. */
  private readonly groups = new Set<string>();
  private readonly remote = new Map<string, Kind[]>();
  private readonly descriptions = new Map<string, Description>();
  private readonly listeners = new Set<() => void>();
  private readonly removals = new WeakMap<Kind, AbortController>();
  /** Moves with every change: what is derived from the kinds compares it. */
  generation = 0;
  /** Differs between servers and starts, for entity tags. */
  readonly instance = crypto.randomUUID();

  add(...kinds: Kind[]): void {
    for (const kind of kinds) {
      this.byPath.set(`${kind.group}/${kind.version}/${kind.resource}`, kind);
      this.byKind.set(`${kind.group}/${kind.version}/${kind.kind}`, kind);
    }
    this.changed();
  }

  remove(...kinds: Kind[]): void {
    for (const removed of kinds) {
      this.removals.get(removed)?.abort();
      const { group, version, resource, kind } = removed;
      this.byPath.delete(`${group}/${version}/${resource}`);
      this.byKind.delete(`${group}/${version}/${kind}`);
    }
    this.changed();
  }

  /** Kinds of `group/version` that another server answers for: discovery alone knows them. */
  setRemote(groupVersion: string, kinds: Kind[] | undefined): void {
    if (kinds) this.remote.set(groupVersion, kinds);
    else {
      this.remote.delete(groupVersion);
      this.descriptions.delete(groupVersion);
    }
    this.changed();
  }

  /** What another server says of a `group/version` that it answers for. */
  describe(groupVersion: string, description: Description): void {
    this.descriptions.set(groupVersion, description);
    this.changed();
  }

  /** By `group/version`. */
  described(): ReadonlyMap<string, Description> {
    return this.descriptions;
  }

  /** What discovery tells of, in place of this server's own kinds of the same group and version. */
  discovered(): Kind[] {
    if (this.remote.size === 0) return this.all();
    const own = this.all().filter(({ group, version }) => !this.remote.has(`${group}/${version}`));
    return [...own, ...[...this.remote.values()].flat()];
  }

  private changed(): void {
    this.generation++;
    this.groups.clear();
    for (const listener of this.listeners) listener();
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Aborts when a kind is served no more, or in another way. */
  removalOf(kind: Kind): AbortSignal {
    let controller = this.removals.get(kind);
    if (!controller) {
      controller = new AbortController();
      this.removals.set(kind, controller);
    }
    return controller.signal;
  }

  find(resource: Pick<Resource, "group" | "version" | "resource">): Kind | undefined {
    return this.byPath.get(`${resource.group}/${resource.version}/${resource.resource}`);
  }

  findKind(group: string, version: string, kind: string): Kind | undefined {
    return this.byKind.get(`${group}/${version}/${kind}`);
  }

  hasGroup(group: string): boolean {
    if (this.groups.size === 0) for (const kind of this.byPath.values()) this.groups.add(kind.group);
    return this.groups.has(group);
  }

  /** Throws NotFound, as for any path that nothing serves. */
  require(resource: Pick<Resource, "group" | "version" | "resource">): Kind {
    const kind = this.find(resource);
    if (!kind) throw pathNotFound();
    return kind;
  }

  all(): Kind[] {
    return [...this.byPath.values()];
  }
}

export function pathNotFound(): StatusError {
  return new StatusError("NotFound", "the server could not find the requested resource", {});
}
