import type { Pod } from "@capstan/api/generated/core-v1";
import { PodGroups, podGroupLabel, VolcanoPodGroups, volcanoGroupAnnotations } from "@capstan/api/kinds/pod-group";
import type { KubeObject, Resource } from "@capstan/api/meta";
import type { Informer, Informers } from "@capstan/core/reconcile";
import { type Amounts, amountsOf } from "./requests.ts";

/** Where a pod says that it is one of a group. */
export interface GroupRef {
  maker: "scheduler-plugins" | "volcano";
  namespace: string;
  name: string;
}

/** What both kinds have. */
interface AnyGroup extends KubeObject {
  spec?: { minMember?: number; minResources?: Record<string, string> };
}

const kinds: Record<GroupRef["maker"], Resource<AnyGroup>> = {
  "scheduler-plugins": PodGroups,
  volcano: VolcanoPodGroups,
};

export interface Gang {
  minMember: number;
  minResources: Amounts;
}

export function groupOf({ metadata }: Pod): GroupRef | undefined {
  const { namespace = "", labels = {}, annotations = {} } = metadata;
  const name = labels[podGroupLabel];
  if (name) return { maker: "scheduler-plugins", namespace, name };
  for (const key of volcanoGroupAnnotations) {
    const named = annotations[key];
    if (named) return { maker: "volcano", namespace, name: named };
  }
  return undefined;
}

export function groupKey({ maker, namespace, name }: GroupRef): string {
  return `${maker}/${namespace}/${name}`;
}

/** What the index "gang" of pods holds. */
export function gangKeys(pod: Pod): string[] {
  const group = groupOf(pod);
  return group && !pod.metadata.deletionTimestamp ? [groupKey(group)] : [];
}

/** The groups that pods name. A kind is watched from the first pod on that names a group of it. */
export class Gangs {
  readonly #informers: Informers;
  readonly #changed: (key: string) => void;
  readonly #caches = new Map<string, Informer<AnyGroup>>();
  readonly #stops: (() => void)[] = [];

  /** @param changed gets the key of each group that comes, changes or goes. */
  constructor(informers: Informers, changed: (key: string) => void) {
    this.#informers = informers;
    this.#changed = changed;
  }

  find(ref: GroupRef): Gang | undefined {
    const { namespace, name } = ref;
    const spec = this.#cacheOf(ref.maker).get({ namespace, name })?.spec;
    return spec && { minMember: spec.minMember ?? 1, minResources: amountsOf(spec.minResources) };
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #cacheOf(maker: GroupRef["maker"]): Informer<AnyGroup> {
    const known = this.#caches.get(maker);
    if (known) return known;
    const cache = this.#informers.informer(kinds[maker]);
    this.#caches.set(maker, cache);
    const stop = cache.onChange(({ object: { metadata } }) =>
      this.#changed(groupKey({ maker, namespace: metadata.namespace ?? "", name: metadata.name })),
    );
    this.#stops.push(stop);
    return cache;
  }
}
