import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Nodes, PersistentVolumeClaims, Pods } from "@capstan/api/generated/resources";
import type { KubeObject } from "@capstan/api/meta";
import type { Informers } from "@capstan/core/reconcile";
import { ObjectWatches } from "./object-watches.ts";
import { admit, type Rejection } from "./pods/admission.ts";
import type { NodeContext } from "./pods/context.ts";
import { isTerminal } from "./pods/views.ts";
import { PodWorker } from "./pods/worker.ts";
import { referencesOf } from "./sources.ts";
import { annotations } from "./static/manifest.ts";
import { mirroredBy, StaticPods } from "./static/static-pods.ts";
import { removeVolumes } from "./volumes/manager.ts";

/** Gives every pod of a node its worker, and tells workers what concerns them. */
export class PodManager {
  readonly #context: NodeContext;
  readonly #informers: Informers;
  readonly #nodeName: string;
  readonly #workers = new Map<string, PodWorker>();
  readonly #stops: (() => void)[] = [];
  readonly #objects: ObjectWatches;
  #static: StaticPods | undefined;

  constructor(context: NodeContext, informers: Informers, nodeName: string) {
    this.#context = context;
    this.#informers = informers;
    this.#nodeName = nodeName;
    this.#objects = new ObjectWatches({
      ...context,
      changed: (namespace, reference) => this.#dataChanged(namespace, reference),
    });
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
    this.#static = new StaticPods(this.#context, this.#context.manifestDir, this.#nodeName, {
      run: (mirror, uid) => this.#run({ ...mirror, metadata: { ...withoutMirror(mirror), uid } }),
      end: async (uid) => {
        const worker = this.#workers.get(uid);
        worker?.remove(worker.pod);
        await worker?.removed.promise;
      },
      mirrored: (_, uid) => this.#workers.get(uid)?.rewriteStatus(),
    });
    await this.#static.start();
    for (const sandbox of runtime.listPodSandboxes()) {
      if (this.#workers.has(sandbox.config.uid)) continue;
      this.#context.log.info("a pod that is gone had left its sandbox", { pod: sandbox.config.name });
      await runtime.removePodSandbox(sandbox.id);
    }
    await this.#removeLeftovers();
    const live = this.workers().filter(({ pod }) => !isTerminal(pod));
    this.#context.devices.keepOnly(new Set(live.map(({ pod }) => pod.metadata.uid ?? "")));
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
    const mirrored = mirroredBy(pod);
    if (mirrored !== undefined) {
      const worker = this.#workers.get(mirrored);
      // What somebody made of the mirror changes nothing of the pod; its status says what others know of it.
      if (worker) worker.update({ ...worker.pod, ...(pod.status ? { status: pod.status } : {}) });
      this.#static?.mirrorChanged(type, pod);
      return;
    }
    const worker = this.#workers.get(pod.metadata.uid ?? "");
    if (!worker) {
      if (type !== "DELETED") this.#run(pod);
    } else if (type === "DELETED") worker.remove(pod);
    else {
      worker.update(pod);
      this.#watchObjects(pod);
    }
  }

  /** A pod that is over needs no news. */
  #watchObjects(pod: Pod): void {
    const { uid = "", namespace = "" } = pod.metadata;
    if (isTerminal(pod)) this.#objects.drop(uid);
    else this.#objects.keep(uid, namespace, referencesOf(pod));
  }

  #run(pod: Pod): void {
    const { uid = "" } = pod.metadata;
    const worker = new PodWorker(this.#context, pod, (one) => this.#admit(one));
    this.#workers.set(uid, worker);
    void worker.removed.promise.then(() => {
      this.#workers.delete(uid);
      this.#objects.drop(uid);
    });
    worker.wake();
    this.#watchObjects(pod);
  }

  /** Decides in the turn in which the node is known: two pods do not take the same place. */
  async #admit(worker: PodWorker): Promise<Rejection | undefined> {
    const node = await this.#context.client.get(Nodes, { name: this.#nodeName });
    const others = this.workers().filter((one) => one !== worker && one.active);
    const devices = new Set(Object.keys(this.#context.devices.amounts().capacity));
    return admit(
      worker.pod,
      node,
      others.map(({ pod }) => pod),
      devices,
    );
  }

  #dataChanged(namespace: string, reference: string): void {
    for (const worker of this.#workers.values()) {
      const { pod } = worker;
      if (pod.metadata.namespace !== namespace || isTerminal(pod)) continue;
      if (referencesOf(pod).has(reference)) worker.refresh();
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

/** The metadata of the pod that a mirror shows. */
function withoutMirror({ metadata }: Pod): Pod["metadata"] {
  const { [annotations.mirror]: _, ...own } = metadata.annotations ?? {};
  return { ...metadata, annotations: own };
}
