import type { Probe } from "@capstan/api/generated/core-v1";
import { sleep } from "@capstan/base/async";
import { type ProbeResult, type ProbeTarget, tryProbe } from "./handler.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProberOptions {
  target: ProbeTarget;
  startedAt: Date;
  /** Called when started, ready or unhealthy have changed. */
  onChange(): void;
  /** Every failed try, as the Unhealthy event says it. */
  onFailure(message: string): void;
  /** What the ProbeWarning event says. */
  onWarning(message: string): void;
  /** Every try's verdict, for the node's metrics. */
  onResult?(kind: ProbeKind, healthy: boolean): void;
  /** What an earlier agent knew of this run: it counts until a probe says otherwise. */
  before?: { started: boolean; ready: boolean } | undefined;
}

/** The probes of one run of a container: begun with start(), ended by its signal. */
export class Prober {
  /** The startup probe has passed, or there is none. */
  started: boolean;
  ready: boolean;
  /** Why the container must be restarted, in the words of the Killing event. */
  unhealthy: string | undefined;
  /** What the probe that failed allows for the end; else the pod's own grace counts. */
  graceSeconds: number | undefined;
  readonly #options: ProberOptions;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { before, target } = options;
    const { startupProbe, readinessProbe } = target.container;
    this.started = startupProbe === undefined || before?.started === true;
    this.ready = readinessProbe === undefined || before?.ready === true;
  }

  /** @param ending aborts when the pod is to end: from then on only its readiness is looked at. */
  start(signal: AbortSignal, ending: AbortSignal): void {
    const { startupProbe, livenessProbe, readinessProbe } = this.#options.target.container;
    const alive = AbortSignal.any([signal, ending]);
    const later = () => {
      if (livenessProbe) void this.#watch("liveness", livenessProbe, alive);
      if (readinessProbe) void this.#watch("readiness", readinessProbe, signal);
    };
    if (startupProbe && !this.started) void this.#startup(startupProbe, alive).then(() => this.started && later());
    else later();
  }

  async #startup(probe: Probe, signal: AbortSignal): Promise<void> {
    for await (const verdict of this.#tries("startup", probe, signal, false)) {
      if (verdict) {
        this.started = true;
        this.#options.onChange();
        return;
      }
      return this.#fail("startup", probe);
    }
  }

  async #watch(kind: "liveness" | "readiness", probe: Probe, signal: AbortSignal): Promise<void> {
    const initial = kind === "liveness" || this.ready;
    for await (const verdict of this.#tries(kind, probe, signal, initial)) {
      if (kind === "readiness") {
        this.ready = verdict;
        this.#options.onChange();
      } else if (!verdict) return this.#fail(kind, probe);
    }
  }

  #fail(kind: ProbeKind, probe: Probe): void {
    this.unhealthy = `Container ${this.#options.target.container.name} failed ${kind} probe, will be restarted`;
    this.graceSeconds = probe.terminationGracePeriodSeconds;
    this.#options.onChange();
  }

  /** Yields each verdict that differs from the one before: enough tries in a row said so. */
  async *#tries(kind: ProbeKind, probe: Probe, signal: AbortSignal, initial: boolean): AsyncIterable<boolean> {
    const { successThreshold = 1, failureThreshold = 3, periodSeconds = 10, initialDelaySeconds = 0 } = probe;
    const wait = this.#options.startedAt.getTime() + initialDelaySeconds * 1000 - Date.now();
    if (wait > 0) await sleep(wait, signal);
    let verdict: boolean | undefined = kind === "startup" ? undefined : initial;
    let row = 0;
    let last: boolean | undefined;
    while (!signal.aborted) {
      const begun = performance.now();
      const result = await tryProbe(probe, this.#options.target, signal);
      if (signal.aborted) return;
      this.#options.onResult?.(kind, result.healthy);
      if (result.warning) this.#options.onWarning(`${titleOf(kind)} probe warning: ${result.warning}`);
      row = result.healthy === last ? row + 1 : 1;
      last = result.healthy;
      if (!result.healthy) this.#options.onFailure(failureText(kind, result));
      const enough = row >= (result.healthy ? successThreshold : failureThreshold);
      if (enough && result.healthy !== verdict) {
        verdict = result.healthy;
        yield verdict;
      }
      // A slow try does not put off the next one.
      await sleep(Math.max(0, Math.max(1, periodSeconds) * 1000 - (performance.now() - begun)), signal);
    }
  }
}

function failureText(kind: ProbeKind, { message }: ProbeResult): string {
  return `${titleOf(kind)} probe failed: ${message}`;
}

const titleOf = (kind: ProbeKind) => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
