// The runs of one pod's containers: what the runtime knows of them, and what the agent adds.

import type { Pod } from "@capstan/api/generated/core-v1";
import { aborted, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { ContainerStatus as Run } from "@capstan/core/runtime";
import type { PodPaths } from "../paths.ts";
import { runHook } from "../probes/handler.ts";
import { Prober } from "../probes/prober.ts";
import type { NodeContext } from "./context.ts";
import { aboutContainer } from "./events.ts";
import { containerIdOf } from "./status.ts";
import { terminationMessage } from "./termination-message.ts";
import { type ContainerView, containersOf } from "./views.ts";

/** Ended runs that are kept of each container besides the latest: for `logs --previous` and lastState. */
const keptRuns = 1;

// Seconds.
const leastGrace = 2;

export class PodRuns {
  readonly #context: NodeContext;
  readonly #paths: PodPaths;
  readonly #messages = new Map<string, string>();
  readonly #probers = new Map<string, { prober: Prober; stop: AbortController }>();
  /** Runs whose postStart hook is not over. */
  readonly #hooked = new Set<string>();
  /** Aborts when the pod is to end: nothing is restarted then. */
  readonly #ending = new AbortController();
  readonly waiting = new Map<string, { reason: string; message?: string }>();
  /** Sandboxes of the pod, the latest last. */
  readonly sandboxes: string[];

  constructor(context: NodeContext, pod: Pod, paths: PodPaths) {
    this.#context = context;
    this.#paths = paths;
    this.sandboxes = context.runtime
      .listPodSandboxes()
      .filter(({ config }) => config.uid === pod.metadata.uid)
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
      .map(({ id }) => id);
  }

  /** The sandbox in use, ready or not. */
  sandbox() {
    const id = this.sandboxes.at(-1);
    return this.#context.runtime.listPodSandboxes().find((sandbox) => sandbox.id === id);
  }

  async views(pod: Pod): Promise<ContainerView[]> {
    const all = this.sandboxes.flatMap((id) => this.#context.runtime.listContainers(id));
    const views: ContainerView[] = [];
    for (const { spec, role } of containersOf(pod)) {
      const runs = all
        .filter((run) => run.config.name === spec.name)
        .sort((a, b) => b.config.attempt - a.config.attempt);
      const [latest] = runs;
      if (latest?.state === "exited") await this.#ended(spec.name, latest, pod);
      const prober = latest && this.#probers.get(latest.id)?.prober;
      // Until it is asked itself, what an earlier agent knew of a run holds.
      const known = prober ?? (latest && knownOf(pod, latest));
      const waiting = this.waiting.get(spec.name);
      views.push({
        spec,
        role,
        runs,
        ...(waiting ? { waiting } : {}),
        started: latest?.state === "running" && !this.#hooked.has(latest.id) && (known?.started ?? false),
        ready: known?.ready ?? false,
        ...(prober?.unhealthy ? { unhealthy: prober.unhealthy } : {}),
        messages: this.#messages,
      });
    }
    return views;
  }

  /** Starts the probes of a run; does nothing when they are there. */
  probe(pod: Pod, view: ContainerView, run: Run, address: string, onChange: () => void): void {
    if (this.#probers.has(run.id)) return;
    const { runtime, recorder, signal } = this.#context;
    const stop = new AbortController();
    const target = { runtime, containerId: run.id, container: view.spec, address };
    const prober = new Prober({
      target,
      startedAt: run.startedAt ?? new Date(),
      onChange,
      onFailure: (message) => recorder.warning(aboutContainer(pod, view.spec.name), "Unhealthy", message),
      onWarning: (message) => recorder.warning(aboutContainer(pod, view.spec.name), "ProbeWarning", message),
      onResult: (kind, healthy) => this.#context.probes.count(pod, view.spec.name, kind, healthy),
      before: knownOf(pod, run),
    });
    this.#probers.set(run.id, { prober, stop });
    // What waits for a side-car waits no longer.
    if (view.role === "sidecar" && prober.started) onChange();
    prober.start(AbortSignal.any([stop.signal, signal]), this.#ending.signal);
  }

  grace(run: Run): number | undefined {
    return this.#probers.get(run.id)?.prober.graceSeconds;
  }

  /** The pod is to end: from now on only its readiness is looked at. */
  endProbes(): void {
    this.#ending.abort();
  }

  stopProbes(): void {
    for (const { stop } of this.#probers.values()) stop.abort();
  }

  /** @returns whether the container goes on. */
  async postStart(pod: Pod, view: ContainerView, id: string, address: string, signal: AbortSignal): Promise<boolean> {
    const hook = view.spec.lifecycle?.postStart;
    if (!hook) return true;
    this.#hooked.add(id);
    const { runtime, recorder } = this.#context;
    try {
      await runHook(hook, { runtime, containerId: id, container: view.spec, address }, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const about = aboutContainer(pod, view.spec.name);
      recorder.warning(about, "FailedPostStartHook", `PostStartHook failed: ${messageOf(error)}`);
      const grace = pod.spec?.terminationGracePeriodSeconds ?? 30;
      await this.stop(pod, view, id, grace, "FailedPostStartHook", signal);
      return false;
    } finally {
      this.#hooked.delete(id);
    }
  }

  /**
   * Runs the preStop hook and stops the container, both within the grace. An abort leaves it to the next caller.
   * @param turn the container is stopped when it resolves, or when the grace is over
   */
  async stop(
    pod: Pod,
    view: ContainerView,
    id: string,
    graceSeconds: number,
    message: string,
    signal: AbortSignal,
    turn?: Promise<unknown>,
  ): Promise<void> {
    const { runtime, recorder } = this.#context;
    const about = aboutContainer(pod, view.spec.name);
    recorder.normal(about, "Killing", message);
    const begun = Date.now();
    const hook = view.spec.lifecycle?.preStop;
    if (hook && graceSeconds > 0) {
      const over = AbortSignal.any([signal, AbortSignal.timeout(graceSeconds * 1000)]);
      const address = this.sandbox()?.ip || this.#context.hostIP;
      try {
        await runHook(hook, { runtime, containerId: id, container: view.spec, address }, over);
      } catch (error) {
        if (!signal.aborted) recorder.warning(about, "FailedPreStopHook", `PreStopHook failed: ${messageOf(error)}`);
      }
    }
    const rest = () => graceSeconds - (Date.now() - begun) / 1000;
    if (turn && graceSeconds > 0) await within(turn, rest() * 1000, signal);
    // The kubelet leaves at least two seconds after a hook or a wait.
    const left = graceSeconds === 0 ? 0 : Math.max(hook || turn ? leastGrace : 0, rest());
    await Promise.race([runtime.stopContainer(id, left), aborted(signal)]);
  }

  /** Removes runs that nobody asks for any more. */
  async prune(view: ContainerView): Promise<void> {
    for (const run of view.runs.slice(1 + keptRuns)) {
      this.#messages.delete(run.id);
      await this.#context.runtime.removeContainer(run.id);
    }
  }

  async #ended(name: string, run: Run, pod: Pod): Promise<void> {
    this.#probers.get(run.id)?.stop.abort();
    this.#probers.delete(run.id);
    if (this.#messages.has(run.id)) return;
    const container = containersOf(pod).find(({ spec }) => spec.name === name)?.spec;
    this.#messages.set(run.id, container ? await terminationMessage(container, this.#paths, run) : "");
  }
}

/** What the API was told of this very run. */
function knownOf(pod: Pod, run: Run): { started: boolean; ready: boolean } | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const known = [...containerStatuses, ...initContainerStatuses].find(
    ({ containerID }) => containerID === containerIdOf(run),
  );
  return known && { started: known.started === true, ready: known.ready };
}

async function within(turn: Promise<unknown>, ms: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  await Promise.race([turn, sleep(Math.max(0, ms), AbortSignal.any([over.signal, signal]))]);
  over.abort();
}
