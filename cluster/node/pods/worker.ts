import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Mount, PodSandbox } from "@capstan/core/runtime";
import { type PodPaths, podPaths } from "../paths.ts";
import { prepareVolumes, refreshVolumes, removeVolumes, type VolumeContext } from "../volumes/manager.ts";
import type { PodVolumes } from "../volumes/mounts.ts";
import type { Rejection } from "./admission.ts";
import type { NodeContext } from "./context.ts";
import { decide } from "./decide.ts";
import { aboutPod } from "./events.ts";
import { writePodFiles } from "./files.ts";
import { RetryDelays } from "./restart-delay.ts";
import { PodRuns } from "./runs.ts";
import { checkRuntimeClass } from "./runtime-class.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import { startContainer } from "./start.ts";
import { type PodFacts, podStatus } from "./status.ts";
import { StatusWriter } from "./status-writer.ts";
import { terminate } from "./terminate.ts";
import { type ContainerView, isTerminal } from "./views.ts";

// Seconds; the kubelet's for a pod that has to go at once.
const evictionGrace = 1;
// The kubelet's pause between tries to mount volumes or make a sandbox.
const setupDelays = { base: 500, cap: 122_000, reset: 600_000 };

/** Says why the node does not take a pod. */
export type Admit = (worker: PodWorker) => Promise<Rejection | undefined>;

/**
 * Makes one pod run as its spec says: each sync reads the spec and the runtime, and does what is missing. Syncs of a pod
 * never overlap; whatever changes wakes it.
 */
export class PodWorker {
  readonly paths: PodPaths;
  readonly #context: NodeContext;
  readonly #runs: PodRuns;
  readonly #status: StatusWriter;
  readonly #restarts: RetryDelays;
  readonly #setups = new RetryDelays(setupDelays);
  readonly #startTime: string;
  readonly #admit: Admit;
  /** Aborts what a sync waits for, when the pod is to go. */
  readonly #interrupt = new AbortController();
  #pod: Pod;
  #volumes: PodVolumes | undefined;
  #files: Mount[] = [];
  #facts: Pick<PodFacts, "outcome" | "failure" | "disruption"> = {};
  /** The node has taken it: checked once, when it came. */
  #taken: boolean;
  /** No container of it runs any more, nor will one. */
  #over = false;
  #gone = false;
  #settled = false;
  #dirty = false;
  #running: Promise<void> | undefined;
  #looping = false;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  /** Resolves when nothing of the pod is left on the node. */
  readonly removed = Promise.withResolvers<void>();

  /** @param admit asked before anything is done for a pod that has not started yet. */
  constructor(context: NodeContext, pod: Pod, admit: Admit) {
    this.#context = context;
    this.#admit = admit;
    this.#taken = pod.status?.startTime !== undefined;
    this.#pod = pod;
    this.paths = podPaths(context.dataDir, pod);
    this.#runs = new PodRuns(context, pod, this.paths);
    this.#restarts = new RetryDelays(context.delays);
    this.#startTime = pod.status?.startTime ?? seconds(new Date());
    this.#status = new StatusWriter(context.client, pod, context.log, context.signal);
  }

  get pod(): Pod {
    return this.#pod;
  }

  get sandbox(): PodSandbox | undefined {
    return this.#runs.sandbox();
  }

  /** Whether it counts when the node is asked to take another pod. */
  get active(): boolean {
    return this.#taken && !this.#over && !this.#gone && !isTerminal(this.#pod) && !this.#facts.outcome;
  }

  /** Ends the pod for good, at once: the node cannot bear it. */
  evict(message: string): void {
    if (!this.active || this.#facts.failure || this.#pod.metadata.deletionTimestamp) return;
    const about = aboutPod(this.#pod);
    this.#context.recorder.warning(about, "Evicted", message);
    this.#facts.failure = { reason: "Evicted", message };
    this.#facts.disruption = { reason: "TerminationByKubelet", message };
    this.#interrupt.abort();
    this.wake();
  }

  /** The API has the pod anew, without a status. */
  rewriteStatus(): void {
    this.#status.repeat();
  }

  owns(sandboxId: string): boolean {
    return this.#runs.sandboxes.includes(sandboxId);
  }

  views(): Promise<ContainerView[]> {
    return this.#runs.views(this.#pod);
  }

  /** Takes the newest state of the pod. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp) this.#hasten(before);
    else if (JSON.stringify(labelsOf(before)) !== JSON.stringify(labelsOf(pod))) this.refresh();
    // Of a change of the status alone the agent itself is the author.
    if (before.metadata.generation !== pod.metadata.generation || pod.metadata.deletionTimestamp || gated(pod))
      this.wake();
  }

  /** The API no longer has the pod. */
  remove(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    this.#gone = true;
    this.#hasten(before);
    this.wake();
  }

  wake(): void {
    this.#dirty = true;
    if (!this.#looping) this.#running = this.#loop();
  }

  /** Brings the files of volumes up to date. */
  refresh(): void {
    // A container may have waited for what has changed.
    this.wake();
    if (!this.#volumes) return;
    refreshVolumes(this.#volumeContext(this.sandbox?.ip ?? "")).then(
      () => this.#scheduleTokens(),
      (error) => this.#context.log.warn("a volume could not be refreshed", { pod: this.#pod.metadata.name, error }),
    );
  }

  /** Resolves when no sync is in hand: the agent is stopping. */
  async settle(): Promise<void> {
    this.#settled = true;
    this.#interrupt.abort();
    clearTimeout(this.#timer);
    this.#runs.stopProbes();
    await this.#running;
    await this.#status.flush();
  }

  /** Ends in the same turn in which it finds nothing to do, so that no wake is lost between. */
  async #loop(): Promise<void> {
    this.#looping = true;
    while (this.#dirty && !this.#context.signal.aborted) {
      this.#dirty = false;
      try {
        await this.#sync();
      } catch (error) {
        if (this.#context.signal.aborted) break;
        this.#context.log.error("a pod could not be synced", { pod: this.#pod.metadata.name, error });
        this.#context.recorder.warning(
          aboutPod(this.#pod),
          "FailedSync",
          `error determining status: ${messageOf(error)}`,
        );
        this.#setups.tried("sync");
        this.#schedule(Date.now() + Math.max(500, this.#setups.delay("sync")));
      }
    }
    this.#looping = false;
  }

  async #sync(): Promise<void> {
    let views = await this.#runs.views(this.#pod);
    if (this.#gone || this.#pod.metadata.deletionTimestamp) return await this.#end(views);
    if (this.#facts.failure) return await this.#finish(await this.#stopAll(views));
    if (isTerminal(this.#pod) || this.#facts.outcome) return await this.#finish(views);
    if (!this.#taken && !(await this.#take())) return await this.#finish(views);
    if (this.#overdue()) return await this.#finish(await this.#stopAll(views));
    views = await this.#checkSandbox(views);
    let decision = decide(this.#pod, views, this.sandbox?.id);
    // Whoever reads that the pod is over may have its devices.
    if (decision.outcome) this.#context.devices.release(this.#pod);
    this.#report(views);
    if (decision.outcome) {
      this.#facts.outcome = decision.outcome;
      return await this.#finish(views);
    }
    for (const view of decision.retire) await this.#stop(view, `Stopping container ${view.spec.name}`);
    for (const view of decision.restart) await this.#stop(view, view.unhealthy ?? "");
    if (decision.start.length > 0) {
      if (!(await this.#admitted())) return await this.#finish(views);
      const sandbox = await this.#ready();
      if (!sandbox || this.#interrupt.signal.aborted) return;
      decision = decide(this.#pod, views, sandbox.id);
      for (const view of decision.start) await this.#start(view, sandbox);
    }
    views = await this.#runs.views(this.#pod);
    const address = this.sandbox?.ip || this.#context.hostIP;
    for (const view of views) {
      const [run] = view.runs;
      if (run?.state === "running" && view.role !== "init") {
        this.#runs.probe(this.#pod, view, run, address, () => this.#probed());
      }
    }
    this.#report(await this.#runs.views(this.#pod));
  }

  /** Whether the pod has its devices; one that cannot have them has failed. */
  async #admitted(): Promise<boolean> {
    try {
      await this.#context.devices.admit(this.#pod);
      return true;
    } catch (error) {
      const message = `Allocate failed due to ${messageOf(error)}, which is unexpected`;
      this.#facts.failure = { reason: "UnexpectedAdmissionError", message };
      this.#context.recorder.warning(aboutPod(this.#pod), "UnexpectedAdmissionError", message);
      return false;
    }
  }

  /** Asks whether the node takes the pod. */
  async #take(): Promise<boolean> {
    const rejection = await this.#admit(this);
    this.#taken = rejection === undefined;
    if (!rejection) return true;
    const { reason, message } = rejection;
    this.#context.recorder.warning(aboutPod(this.#pod), reason, message);
    this.#facts.failure = { reason, message: `Pod was rejected: ${message}` };
    return false;
  }

  /** Containers whose sandbox has died have no network to come back to: they go, and start again in a new one. */
  async #checkSandbox(views: ContainerView[]): Promise<ContainerView[]> {
    const sandbox = this.sandbox;
    const alive = views.some(({ runs: [run] }) => run?.state === "running" && run.sandboxId === sandbox?.id);
    if (sandbox?.state !== "notready" || !alive) return views;
    const message = "Pod sandbox changed, it will be killed and re-created.";
    this.#context.recorder.normal(aboutPod(this.#pod), "SandboxChanged", message);
    await this.#context.runtime.stopPodSandbox(sandbox.id);
    return await this.#runs.views(this.#pod);
  }

  async #start(view: ContainerView, sandbox: PodSandbox): Promise<void> {
    const again = await startContainer({
      context: this.#context,
      pod: this.#pod,
      view,
      sandbox,
      runs: this.#runs,
      delays: this.#restarts,
      volumes: this.#volumes ?? new Map(),
      files: this.#files,
      paths: this.paths,
      signal: this.#interrupt.signal,
    });
    if (again !== undefined) this.#schedule(again);
  }

  async #stop(view: ContainerView, message: string): Promise<void> {
    const [run] = view.runs;
    if (!run) return;
    const grace = this.#runs.grace(run) ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    await this.#runs.stop(this.#pod, view, run.id, grace, message, this.#interrupt.signal);
    this.wake();
  }

  /** Volumes and sandbox; undefined when they have to be tried again. */
  async #ready(): Promise<PodSandbox | undefined> {
    const { recorder, runtime, dns } = this.#context;
    const about = aboutPod(this.#pod);
    try {
      this.#volumes ??= await prepareVolumes(this.#volumeContext(""));
    } catch (error) {
      recorder.warning(about, "FailedMount", messageOf(error));
      return this.#tryLater();
    }
    let sandbox = this.sandbox;
    if (sandbox?.state === "ready") {
      if (this.#files.length === 0)
        this.#files = writePodFiles(this.#pod, join(this.paths.root, "etc"), sandbox.ip, dns);
      return sandbox;
    }
    try {
      await checkRuntimeClass(this.#pod, this.#context.client, this.#context.runtimeName);
      sandbox = await runtime.runPodSandbox(sandboxConfig(this.#pod, this.#volumes, this.#context.dns));
    } catch (error) {
      recorder.warning(about, "FailedCreatePodSandBox", `Failed to create pod sandbox: ${messageOf(error)}`);
      return this.#tryLater();
    }
    this.#runs.sandboxes.push(sandbox.id);
    this.#files = writePodFiles(this.#pod, join(this.paths.root, "etc"), sandbox.ip, dns);
    // What tells the pod its own address could not be written before.
    if (sandbox.ip) await refreshVolumes(this.#volumeContext(sandbox.ip));
    this.#scheduleTokens();
    this.#setups.reset("setup");
    return sandbox;
  }

  #tryLater(): undefined {
    this.#setups.tried("setup");
    this.#schedule(Date.now() + this.#setups.delay("setup"));
    return undefined;
  }

  #volumeContext(podIP: string): VolumeContext {
    const { client, hostIP, allocatable, volumeData, flex, nodePath } = this.#context;
    const addresses = { podIP: podIP || (this.#pod.spec?.hostNetwork ? hostIP : ""), hostIP };
    const signal = this.#interrupt.signal;
    return {
      pod: this.#pod,
      client,
      paths: this.paths,
      addresses,
      allocatable,
      data: volumeData,
      flex,
      nodePath,
      signal,
    };
  }

  #overdue(): boolean {
    const limit = this.#pod.spec?.activeDeadlineSeconds;
    if (limit === undefined) return false;
    const end = Date.parse(this.#startTime) + limit * 1000;
    if (Date.now() < end) {
      this.#schedule(end);
      return false;
    }
    const message = "Pod was active on the node longer than the specified deadline";
    this.#facts.failure = { reason: "DeadlineExceeded", message };
    this.#context.recorder.normal(aboutPod(this.#pod), "DeadlineExceeded", message);
    return true;
  }

  /** A container that is being stopped holds up the sync that stops it, but not the news that it is no longer ready. */
  #probed(): void {
    this.wake();
    if (!this.#pod.metadata.deletionTimestamp || this.#gone || this.#over) return;
    this.#runs.views(this.#pod).then(
      (views) => this.#report(views),
      (error) => this.#context.log.warn("a pod's readiness was not written", { pod: this.#pod.metadata.name, error }),
    );
  }

  async #stopAll(views: ContainerView[]): Promise<ContainerView[]> {
    const { metadata, spec } = this.#pod;
    const asked = metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
    const grace = this.#facts.disruption ? evictionGrace : asked;
    await terminate(this.#pod, views, this.#runs, grace, this.#context.signal);
    return await this.#runs.views(this.#pod);
  }

  /** The pod is over: its processes and its network go, its logs stay. */
  async #finish(views: ContainerView[]): Promise<void> {
    this.#runs.stopProbes();
    clearTimeout(this.#timer);
    for (const id of this.#runs.sandboxes) await this.#context.runtime.stopPodSandbox(id);
    this.#context.devices.release(this.#pod);
    this.#over = true;
    await this.#releaseMounts();
    if (!isTerminal(this.#pod)) this.#report(views);
  }

  /** The pod is deleted: everything of it goes. */
  async #end(views: ContainerView[]): Promise<void> {
    const { client, runtime, tokens, puller, flex, devices, probes, signal } = this.#context;
    clearTimeout(this.#timer);
    if (!this.#gone) this.#report(views);
    const ended = await this.#stopAll(views);
    this.#runs.stopProbes();
    if (signal.aborted) return;
    for (const id of this.#runs.sandboxes) await runtime.stopPodSandbox(id);
    this.#over = true;
    if (!(await this.#releaseMounts())) return;
    if (!this.#gone) {
      if (!isTerminal(this.#pod)) {
        const good = ended.every((view) => view.role !== "main" || view.runs[0]?.exitCode === 0);
        this.#facts.outcome ??= good && ended.some(({ runs }) => runs.length > 0) ? "Succeeded" : "Failed";
        this.#report(ended);
        await this.#status.flush();
      }
      const { uid } = this.#pod.metadata;
      const options = { gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) };
      await client.delete(Pods, refOf(this.#pod), options).catch((error) => {
        if (!isReason(error, "NotFound", "Conflict")) throw error;
      });
    }
    for (const id of this.#runs.sandboxes.splice(0)) await runtime.removePodSandbox(id);
    tokens.forget(this.#pod);
    puller.forget(this.#pod);
    probes.forget(this.#pod);
    devices.release(this.#pod);
    await removeVolumes(this.paths.root, flex);
    if (existsSync(this.paths.logs)) rmSync(this.paths.logs, { recursive: true, force: true });
    this.removed.resolve();
  }

  /** @returns false when something stays mounted: it is tried again. */
  async #releaseMounts(): Promise<boolean> {
    try {
      await this.#context.flex.release(this.paths.root);
      return true;
    } catch (error) {
      this.#context.recorder.warning(aboutPod(this.#pod), "FailedUnMount", messageOf(error));
      this.#tryLater();
      return false;
    }
  }

  /** Ends what a sync waits for; a shorter grace than before counts at once. */
  #hasten(before: Pod): void {
    this.#interrupt.abort();
    const { deletionGracePeriodSeconds: grace, deletionTimestamp } = this.#pod.metadata;
    const old = before.metadata.deletionGracePeriodSeconds;
    if (!deletionTimestamp || grace === undefined || old === undefined || grace >= old) return;
    for (const id of this.#runs.sandboxes) {
      for (const run of this.#context.runtime.listContainers(id)) {
        if (run.state === "running") void this.#context.runtime.stopContainer(run.id, grace);
      }
    }
  }

  #report(views: ContainerView[]): void {
    const sandbox = this.sandbox;
    const ready = sandbox?.state === "ready";
    const { hostIP } = this.#context;
    const podIP = sandbox?.ip || (sandbox && this.#pod.spec?.hostNetwork ? hostIP : "");
    const facts = {
      hostIP,
      podIP,
      startTime: this.#startTime,
      now: seconds(new Date()),
      sandboxReady: ready,
      ...this.#facts,
    };
    this.#status.set(podStatus(this.#pod, views, facts));
  }

  #scheduleTokens(): void {
    const renewal = this.#context.tokens.renewal(this.#pod);
    if (renewal === undefined || this.#context.signal.aborted) return;
    const timer = setTimeout(() => this.refresh(), Math.min(2 ** 31 - 1, Math.max(1000, renewal - Date.now())));
    timer.unref();
    this.#interrupt.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** Wakes the worker at a time, unless it wakes earlier. */
  #schedule(at: number): void {
    if (this.#settled) return;
    if (at >= this.#wakeAt && this.#wakeAt > Date.now()) return;
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    const wait = Math.min(2 ** 31 - 1, Math.max(0, at - Date.now()));
    this.#timer = setTimeout(() => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.wake();
    }, wait);
  }
}

const seconds = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");
const labelsOf = ({ metadata }: Pod) => [metadata.labels, metadata.annotations];
const gated = (pod: Pod) => (pod.spec?.readinessGates ?? []).length > 0;
