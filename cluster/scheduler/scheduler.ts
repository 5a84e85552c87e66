import type { Node, Pod } from "@capstan/api/generated/core-v1";
import {
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  StorageClasses,
} from "@capstan/api/generated/resources";
import { aborted, backoff, sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { createRecorder, type Informer, type Informers, type Recorder } from "@capstan/core/reconcile";
import { usesClaims } from "./claims.ts";
import { type GangTrial, lackingResource, tryGang } from "./gang.ts";
import { explainAll, explainPlacement } from "./message.ts";
import type { NodeState } from "./node-state.ts";
import { bind, preempt, reportUnschedulable, takeBackNomination } from "./outcome.ts";
import { placePod, type Surroundings } from "./placement.ts";
import { requiredAffinity, requiredAntiAffinity } from "./pod-affinity.ts";
import { type Gang, Gangs, type GroupRef, gangKeys, groupKey, groupOf } from "./pod-groups.ts";
import { findVictims, type Preemption, waitsForVictims } from "./preempt.ts";
import { SchedulingQueue } from "./queue.ts";
import { World } from "./world.ts";

export interface SchedulerOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /**
   * Places the pods whose schedulerName is one of these; events come from the first. Default: the cluster's own and
   * those that manifests name to have pods placed in groups.
   */
  names?: string[];
}

const ownNames = ["default-scheduler", "volcano", "scheduler-plugins-scheduler"];

/** Gives each pod without a node the best that fits it, as soon as there is one. */
export interface Scheduler {
  start(signal: AbortSignal): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new PodScheduler(options);
}

class PodScheduler implements Scheduler {
  readonly #client: Client;
  readonly #informers: Informers;
  readonly #log: Logger;
  readonly #names: string[];
  readonly #recorder: Recorder;
  readonly #world = new World();
  readonly #queue = new SchedulingQueue();
  readonly #running = new Set<Promise<void>>();
  readonly #failures = new Map<string, number>();
  readonly #gangs: Gangs;
  #pods: Informer<Pod> | undefined;
  #planned = false;
  #signal: AbortSignal = new AbortController().signal;

  constructor({ client, informers, log, names = ownNames }: SchedulerOptions) {
    this.#client = client;
    this.#informers = informers;
    this.#log = log.with({ part: "scheduler" });
    this.#names = names;
    this.#recorder = createRecorder(client, { component: names[0] ?? "default-scheduler", log: this.#log });
    this.#gangs = new Gangs(informers, (key) => this.#wake((pod) => isOfGang(pod, key)));
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const nodes = this.#informers.informer(Nodes);
    const pods = this.#informers.informer(Pods);
    this.#pods = pods;
    pods.addIndex("gang", gangKeys);
    const budgets = this.#informers.informer(PodDisruptionBudgets);
    const namespaces = this.#informers.informer(Namespaces);
    const { claims, classes, volumes } = this.#storage();
    const all = [nodes, pods, claims, classes, volumes, budgets].map((informer) => informer.synced());
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
    this.#gangs.stop();
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
    return this.#names.includes(spec.schedulerName ?? "default-scheduler");
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

  #storage(): Surroundings["storage"] {
    return {
      volumes: this.#informers.informer(PersistentVolumes),
      claims: this.#informers.informer(PersistentVolumeClaims),
      classes: this.#informers.informer(StorageClasses),
    };
  }

  #surroundings(): Surroundings {
    return { storage: this.#storage(), labelsOf: this.#labelsOf, nominated: this.#queue.nominated };
  }

  #attempt(pod: Pod): void {
    const group = groupOf(pod);
    if (group) {
      this.#attemptGang(pod, group);
      return;
    }
    const { nodes } = this.#world;
    const placement = placePod(pod, nodes, this.#surroundings());
    if ("state" in placement) {
      this.#assign(pod, placement.state.name);
      return;
    }
    const preemption =
      "refusals" in placement ? findVictims(pod, placement.refusals, { ...this.#rights(), nodes }) : undefined;
    this.#refuse(pod, explainPlacement(placement, nodes.length), preemption);
  }

  /** Who may be asked to go. */
  #rights() {
    return { budgets: this.#informers.informer(PodDisruptionBudgets).list(), labelsOf: this.#labelsOf };
  }

  /** Places as many of the group as it needs, or none. */
  #attemptGang(first: Pod, group: GroupRef): void {
    const key = groupKey(group);
    const waiting = [first, ...this.#queue.takeAll((pod) => isOfGang(pod, key))];
    const { nodes } = this.#world;
    const refuseAll = (why: string) => {
      for (const pod of waiting) this.#refuse(pod, explainAll(why, nodes.length));
    };
    const gang = this.#gangs.find(group);
    if (!gang) {
      refuseAll(`PodGroup ${group.name} not found`);
      return;
    }
    const all = this.#pods?.byIndex("gang", key) ?? [];
    const members = all.filter(({ status }) => status?.phase !== "Failed");
    const { minMember, minResources } = gang;
    if (members.length < minMember) {
      refuseAll(`the PodGroup has ${members.length} of the ${minMember} pods it needs`);
      return;
    }
    const lacking = lackingResource(minResources, nodes, new Set(members.map(({ metadata }) => metadata.uid ?? "")));
    if (lacking) {
      refuseAll(`the nodes have less ${lacking} free than the PodGroup's minResources`);
      return;
    }
    const there = members.filter(({ metadata, status }) => {
      return status?.phase === "Succeeded" || this.#world.isPlaced(metadata.uid ?? "");
    }).length;
    this.#placeGang(waiting, gang, there);
  }

  #placeGang(waiting: Pod[], { minMember }: Gang, there: number): void {
    const { nodes } = this.#world;
    const surroundings = this.#surroundings();
    const trial = tryGang(waiting, nodes, surroundings);
    const enough = there + trial.placed.length >= minMember;
    const room = enough || waiting.some((pod) => waitsForVictims(pod, nodes)) ? undefined : this.#rights();
    const cleared = room && tryGang(waiting, nodes, surroundings, room);
    const helps = cleared && there + cleared.placed.length + cleared.preemptions.length >= minMember;
    const preemptions = helps ? promises(cleared, nodes) : new Map<Pod, Preemption>();
    for (const { pod, node } of trial.placed) {
      if (enough) this.#assign(pod, node);
      else this.#refuse(pod, explainAll(shortOf(trial, there, minMember), nodes.length), preemptions.get(pod));
    }
    for (const { pod, placement } of trial.left) {
      this.#refuse(pod, explainPlacement(placement, nodes.length), preemptions.get(pod));
    }
  }

  #refuse(pod: Pod, why: string, preemption?: Preemption): void {
    this.#queue.setAside(pod);
    const office = this.#office();
    const stale = pod.status?.nominatedNodeName && !waitsForVictims(pod, this.#world.nodes);
    this.#run(async () => {
      await reportUnschedulable(office, pod, why);
      if (preemption) await preempt(office, pod, preemption);
      else if (stale) await takeBackNomination(office, pod);
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

function isOfGang(pod: Pod, key: string): boolean {
  const group = groupOf(pod);
  return group !== undefined && groupKey(group) === key;
}

function shortOf({ placed }: GangTrial, there: number, minMember: number): string {
  return `${there + placed.length} of the ${minMember} pods that the PodGroup needs can be placed`;
}

/** A node for each of the group: those that others have to leave, and those with room already. */
function promises({ placed, preemptions }: GangTrial, nodes: NodeState[]): Map<Pod, Preemption> {
  const promised = new Map(preemptions.map(({ pod, preemption }) => [pod, preemption]));
  for (const { pod, node } of placed) {
    const state = nodes.find(({ name }) => name === node);
    if (state) promised.set(pod, { state, victims: [], violations: 0 });
  }
  return promised;
}
