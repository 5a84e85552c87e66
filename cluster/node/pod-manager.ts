import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import { ConfigMaps, PersistentVolumeClaims, Pods, Secrets } from "@capstan/api/generated/resources";
import type { KubeObject } from "@capstan/api/meta";
import type { Informers } from "@capstan/core/reconcile";
import type { NodeContext } from "./pods/context.ts";
import { isTerminal } from "./pods/views.ts";
import { PodWorker } from "./pods/worker.ts";
import { referencesOf } from "./sources.ts";
import { removeVolumes } from "./volumes/manager.ts";

/** Gives every pod of a node its worker, and tells workers what concerns them. */
export class PodManager {
  readonly #context: NodeContext;
  readonly #informers: Informers;
  readonly #nodeName: string;
  readonly #workers = new Map<string, PodWorker>();
  readonly #stops: (() => void)[] = [];

  constructor(context: NodeContext, informers: Informers, nodeName: string) {
    this.#context = context;
    this.#informers = informers;
    this.#nodeName = nodeName;
  }

  /** Resolves when every pod that was there has its worker, and what belongs to none is gone. */
  async start(): Promise<void> {
    const { runtime } = this.#context;
    this.#stops.push(
      runtime.onEvent(({ type, sandboxId }) => {
        if (type !== "stopped" && type !== "sandbox-stopped") return;
        for (const worker of this.#workers.values()) if (worker.owns(sandboxId)) worker.wake();
      }),
    );
    const pods = this.#informers.informer(Pods);
    this.#stops.push(pods.onChange(({ type, object }) => this.#changed(type, object)));
    await pods.synced();
    for (const sandbox of runtime.listPodSandboxes()) {
      if (this.#workers.has(sandbox.config.uid)) continue;
      this.#context.log.info("a pod that is gone had left its sandbox", { pod: sandbox.config.name });
      await runtime.removePodSandbox(sandbox.id);
    }
    await this.#removeLeftovers();
    const live = this.workers().filter(({ pod }) => !isTerminal(pod));
    this.#context.devices.keepOnly(new Set(live.map(({ pod }) => pod.metadata.uid ?? "")));
    for (const [resource, kind] of [
      [ConfigMaps, "configmaps"],
      [Secrets, "secrets"],
    ] as const) {
      this.#stops.push(
        this.#informers.informer<KubeObject>(resource).onChange(({ object }) => this.#data(kind, object)),
      );
    }
    const claims = this.#informers.informer(PersistentVolumeClaims);
    this.#stops.push(claims.onChange(({ object }) => this.#claim(object)));
  }

  /** Pods go on running; nothing more is done for them. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    await Promise.all([...this.#workers.values()].map((worker) => worker.settle()));
  }

  find(namespace: string, name: string): PodWorker | undefined {
    return [...this.#workers.values()].find(
      ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
    );
  }

  workers(): PodWorker[] {
    return [...this.#workers.values()];
  }

  /** Volumes and logs of pods that went while no agent ran. */
  async #removeLeftovers(): Promise<void> {
    const { dataDir, flex, log } = this.#context;
    for (const directory of ["pods", "logs"]) {
      const path = join(dataDir, directory);
      for (const name of existsSync(path) ? readdirSync(path) : []) {
        // `uid`, or `namespace_name_uid`.
        const uid = name.split("_").at(-1) ?? "";
        if (this.#workers.has(uid)) continue;
        await removeVolumes(join(path, name), flex).catch((error) => {
          log.warn("a pod that is gone still has a volume: it is tried again at the next start", { uid, error });
        });
      }
    }
  }

  /** Pods that have not started may have waited for a driver. */
  driversChanged(): void {
    for (const worker of this.#workers.values()) if (worker.pod.status?.phase === "Pending") worker.wake();
  }

  #changed(type: "ADDED" | "MODIFIED" | "DELETED", pod: Pod): void {
    if (pod.spec?.nodeName !== this.#nodeName) return;
    const { uid = "" } = pod.metadata;
    let worker = this.#workers.get(uid);
    if (worker) {
      if (type === "DELETED") worker.remove(pod);
      else worker.update(pod);
      return;
    }
    if (type === "DELETED") return;
    worker = new PodWorker(this.#context, pod);
    this.#workers.set(uid, worker);
    void worker.removed.promise.then(() => this.#workers.delete(uid));
    worker.wake();
  }

  #data(kind: string, { metadata }: KubeObject): void {
    for (const worker of this.#workers.values()) {
      const { pod } = worker;
      if (pod.metadata.namespace !== metadata.namespace || isTerminal(pod)) continue;
      if (referencesOf(pod).has(`${kind}/${metadata.name}`)) worker.refresh();
    }
  }

  #claim({ metadata, status }: KubeObject & { status?: { phase?: string } }): void {
    if (status?.phase !== "Bound") return;
    for (const worker of this.#workers.values()) {
      const { metadata: own, spec } = worker.pod;
      if (own.namespace !== metadata.namespace) continue;
      const uses = spec?.volumes?.some(
        ({ name, persistentVolumeClaim, ephemeral }) =>
          persistentVolumeClaim?.claimName === metadata.name || (ephemeral && `${own.name}-${name}` === metadata.name),
      );
      if (uses) worker.wake();
    }
  }
}
