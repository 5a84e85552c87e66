import type { Node, Pod } from "@capstan/api/generated/core-v1";
import {
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  StorageClasses,
} from "@capstan/api/generated/resources";
import { aborted, backoff, sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { createRecorder, type Informer, type Informers, type Recorder } from "@capstan/core/reconcile";
import { claimRefusal, reachesVolumes, type Storage, usesClaims } from "./claims.ts";
import { prepareFilters, type Refusal } from "./filter.ts";
import { explain, explainAll } from "./message.ts";
import type { NodeState } from "./node-state.ts";
import { bind, preempt, reportUnschedulable } from "./outcome.ts";
import { requiredAffinity, requiredAntiAffinity } from "./pod-affinity.ts";
import { findVictims } from "./preempt.ts";
import { SchedulingQueue } from "./queue.ts";
import { choose } from "./score.ts";
import { World } from "./world.ts";

export interface SchedulerOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Places the pods whose schedulerName this is. Default "default-scheduler". */
  name?: string;
}

/** Gives each pod without a node the best that fits it, as soon as there is one. */
export interface Scheduler {
  start(signal: AbortSignal): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new PodScheduler(options);
}

const farVolume: Refusal = { reasons: ["node(s) had volume node affinity conflict"], preemptable: false };

class PodScheduler implements Scheduler {
  readonly #client: Client;
  readonly #informers: Informers;
  readonly #log: Logger;
  readonly #name: string;
  readonly #recorder: Recorder;
  readonly #world = new World();
  readonly #queue = new SchedulingQueue();
  readonly #running = new Set<Promise<void>>();
  readonly #failures = new Map<string, number>();
  #pods: Informer<Pod> | undefined;
  #planned = false;
  #signal: AbortSignal = new AbortController().signal;

  constructor({ client, informers, log, name = "default-scheduler" }: SchedulerOptions) {
    this.#client = client;
    this.#informers = informers;
    this.#log = log.with({ part: "scheduler" });
    this.#name = name;
    this.#recorder = createRecorder(client, { component: name, log: this.#log });
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const nodes = this.#informers.informer(Nodes);
    const pods = this.#informers.informer(Pods);
    this.#pods = pods;
    const namespaces = this.#informers.informer(Namespaces);
    const { claims, classes, volumes } = this.#storage();
    const all = [nodes, pods, claims, classes, volumes].map((informer) => informer.synced());
    await Promise.race([Promise.all(all), aborted(signal)]);
    if (signal.aborted) return;
    const stops = [
      nodes.onChange(({ type, object, old }) => this.#onNode(type, object, old)),
      pods.onChange(({ type, object, old }) => this.#onPod(type, object, old)),
      namespaces.onChange(() => this.#wake((pod) => pod.spec.affinity?.podAffinity !== undefined)),
      claims.onChange(() => this.#wake(usesClaims)),
      classes.onChange(() => this.#wake(usesClaims)),
      volumes.onChange(() => this.#wake(usesClaims)),
    ];
    await aborted(signal);
    for (const stop of stops) stop();
    await Promise.all(this.#running);
    await this.#recorder.flush();
  }

  #onNode(type: string, node: Node, old: Node | undefined): void {
    this.#world.setNode(node.metadata.name, type === "DELETED" ? undefined : node);
    // Heartbeats change nothing for anyone.
    if (type === "MODIFIED" && old && placement(old) === placement(node)) return;
    this.#wake();
  }

  #onPod(type: string, pod: Pod, old: Pod | undefined): void {
    const uid = pod.metadata.uid ?? "";
    const present = type !== "DELETED";
    const wasPlaced = this.#world.isPlaced(uid);
    this.#world.setPod(pod, present);
    const placed = this.#world.isPlaced(uid);
    if (!present || pod.spec.nodeName || pod.metadata.deletionTimestamp || !this.#isOurs(pod)) {
      this.#queue.remove(uid);
      this.#failures.delete(uid);
      if (wasPlaced && !placed) this.#wake();
      else if (placed) this.#wake(dependsOnPods);
      return;
    }
    if (placed) return;
    if (this.#queue.has(uid) && old && demands(old) === demands(pod)) this.#queue.refresh(pod);
    else this.#queue.add(pod);
    this.#plan();
  }

  #isOurs({ spec, status }: Pod): boolean {
    if (spec.schedulingGates?.length || status?.phase === "Succeeded" || status?.phase === "Failed") return false;
    return (spec.schedulerName ?? "default-scheduler") === this.#name;
  }

  #wake(chosen?: (pod: Pod) => boolean): void {
    this.#queue.wake(chosen);
    if (this.#queue.size > 0) this.#plan();
  }

  /** Works the queue off once this turn's changes are in. */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (this.#signal.aborted) return;
      for (let pod = this.#queue.take(); pod; pod = this.#queue.take()) this.#attempt(pod);
    });
  }

  #storage(): Storage {
    return {
      volumes: this.#informers.informer(PersistentVolumes),
      claims: this.#informers.informer(PersistentVolumeClaims),
      classes: this.#informers.informer(StorageClasses),
    };
  }

  #attempt(pod: Pod): void {
    const nodes = this.#world.nodes;
    const storage = this.#storage();
    const missing = claimRefusal(pod, storage);
    if (missing) {
      this.#queue.setAside(pod);
      this.#run(() => reportUnschedulable(this.#office(), pod, explainAll(missing, nodes.length)));
      return;
    }
    const filter = prepareFilters(pod, nodes, this.#labelsOf);
    const refusals = new Map<NodeState, Refusal>();
    const fitting = nodes.filter((state) => {
      let refusal = filter(state);
      if (!refusal && state.node && !reachesVolumes(pod, state.node, storage)) refusal = farVolume;
      if (refusal) refusals.set(state, refusal);
      return refusal === undefined;
    });
    if (fitting.length > 0) {
      this.#assign(pod, choose(pod, fitting, nodes, this.#labelsOf).name);
      return;
    }
    this.#queue.setAside(pod);
    const victims = findVictims(pod, nodes, refusals, this.#labelsOf);
    const office = this.#office();
    this.#run(async () => {
      await reportUnschedulable(office, pod, explain(refusals));
      if (victims) await preempt(office, pod, victims);
    });
  }

  #assign(pod: Pod, node: string): void {
    const uid = pod.metadata.uid ?? "";
    const office = this.#office();
    this.#world.assume(pod, node);
    this.#run(async () => {
      try {
        if (await bind(office, pod, node)) {
          this.#failures.delete(uid);
          return;
        }
        this.#world.forget(pod);
      } catch (error) {
        this.#world.forget(pod);
        const failures = this.#failures.get(uid) ?? 0;
        this.#failures.set(uid, failures + 1);
        this.#log.warn("a pod could not be bound and is tried again", { pod: pod.metadata.name, node, error });
        await sleep(backoff(failures, { base: 100, cap: 10_000 }), this.#signal);
      }
      const now = this.#pods?.get({ namespace: pod.metadata.namespace ?? "", name: pod.metadata.name });
      if (now?.metadata.uid === uid && !now.spec.nodeName) this.#onPod("MODIFIED", now, undefined);
    });
  }

  #office() {
    return { client: this.#client, recorder: this.#recorder, log: this.#log };
  }

  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.#log.error("scheduling failed", { error }))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  readonly #labelsOf = (namespace: string) =>
    this.#informers.informer(Namespaces).get({ name: namespace })?.metadata.labels;
}

/** What of a node decides about placement. */
function placement({ metadata, spec, status }: Node): string {
  return JSON.stringify([metadata.labels, spec?.taints, spec?.unschedulable, status?.allocatable]);
}

/** What of a pod decides about placement. */
function demands({ metadata, spec }: Pod): string {
  return JSON.stringify([metadata.labels, spec]);
}

function dependsOnPods(pod: Pod): boolean {
  const { topologySpreadConstraints = [] } = pod.spec;
  return requiredAffinity(pod).length + requiredAntiAffinity(pod).length + topologySpreadConstraints.length > 0;
}
