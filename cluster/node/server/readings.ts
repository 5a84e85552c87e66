// What the pods of the node use, at one moment: for the summary and for the metrics.
import type { Pod } from "@capstan/api/generated/core-v1";
import { sleep } from "@capstan/base/async";
import { type ContainerStats, type ContainerStatus, diskUsage, type NetworkCounters } from "@capstan/core/runtime";
import type { PodWorker } from "../pods/worker.ts";
import type { NodeServerOptions } from "./server.ts";

export interface ContainerReadings {
  run: ContainerStatus;
  stats: ContainerStats;
}

export interface PodReadings {
  pod: Pod;
  containers: ContainerReadings[];
  network: NetworkCounters[];
  disk: DiskReadings;
}

export interface DiskReadings {
  time: Date;
  /** Bytes, by name. Volumes that lie elsewhere than on the pod's part of the node's disk are not counted. */
  volumes: Map<string, number>;
  logs: Map<string, number>;
}

/** Running containers alone. */
export async function readPods({ runtime, manager, disk }: NodeServerOptions): Promise<PodReadings[]> {
  return await Promise.all(
    manager.workers().map(async (worker) => {
      const running = (await worker.views()).flatMap(({ runs }) => runs.filter(({ state }) => state === "running"));
      const containers = await Promise.all(
        running.map(async (run) => ({ run, stats: await runtime.containerStats(run.id) })),
      );
      const sandbox = worker.sandbox;
      const counters = sandbox?.state === "ready" ? await runtime.podSandboxStats?.(sandbox.id) : undefined;
      return { pod: worker.pod, containers, network: counters?.network ?? [], disk: await disk.of(worker) };
    }),
  );
}

/** How old a number of the disk may be, in milliseconds. */
const freshness = 10_000;
/** How long somebody who asks waits for a first number; a large volume is then known the next time. */
const patience = 1000;

/** The sizes of pods' files, counted when somebody asks. */
export class PodDisk {
  readonly #known = new WeakMap<PodWorker, DiskReadings>();
  readonly #busy = new WeakMap<PodWorker, Promise<unknown>>();

  async of(worker: PodWorker): Promise<DiskReadings> {
    const known = this.#known.get(worker);
    if (known && Date.now() - known.time.getTime() < freshness) return known;
    const busy = this.#busy.get(worker) ?? this.#count(worker).finally(() => this.#busy.delete(worker));
    this.#busy.set(worker, busy);
    if (!known) {
      const over = new AbortController();
      await Promise.race([busy, sleep(patience, over.signal)]);
      over.abort();
    }
    return this.#known.get(worker) ?? { time: new Date(), volumes: new Map(), logs: new Map() };
  }

  async #count(worker: PodWorker): Promise<void> {
    const { pod, paths } = worker;
    const volumes = new Map<string, number>();
    const logs = new Map<string, number>();
    for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
      if (emptyDir && emptyDir.medium !== "Memory") volumes.set(name, (await diskUsage(paths.volume(name))).bytes);
    }
    for (const { name } of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
      logs.set(name, (await diskUsage(paths.logDirectory(name))).bytes);
    }
    this.#known.set(worker, { time: new Date(), volumes, logs });
  }
}
