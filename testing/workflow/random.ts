// Random workflows: bodies inside bodies, loops, retries, hooks, limits, conditions. The same seed gives the same one.
import type { DAGTask, LifecycleHook, Template, Workflow, WorkflowStep } from "@capstan/api/kinds/workflow";

/** Numbers from 0 to 1. Source: mulberry32 by T. Ettinger (public domain). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Templates of pods are called `ok`, `flaky`, `bad` and `daemon`: how their pods end is up to the caller. */
export function randomWorkflow(random: () => number): Workflow {
  return new Generator(random).workflow();
}

const depthLimit = 3;

class Generator {
  readonly #random: () => number;
  readonly #templates: Template[] = [];
  /** Either daemons or limits: daemons that hold all places would let nothing else run. */
  readonly #daemons: boolean;

  constructor(random: () => number) {
    this.#random = random;
    this.#daemons = random() < 0.3;
  }

  workflow(): Workflow {
    const container = { image: "i", command: ["c"] };
    const outputs = { parameters: [{ name: "p", valueFrom: { path: "/p", default: "d" } }] };
    const inputs = { parameters: [{ name: "x", default: "0" }] };
    this.#templates.push(
      { name: "ok", inputs, container, outputs },
      { name: "flaky", container, retryStrategy: { limit: 2, ...this.#maybe(0.5, { backoff: { duration: "5s" } }) } },
      { name: "bad", container },
      { name: "daemon", daemon: true, container },
      { name: "wait", suspend: { duration: "7s" } },
    );
    const entrypoint = this.#body(0);
    const spec = {
      entrypoint,
      templates: this.#templates,
      ...this.#limit(4),
      ...this.#maybe(0.2, { onExit: "ok" }),
      ...this.#maybe(0.1, { hooks: { done: { expression: 'workflow.status == "Running"', template: "ok" } } }),
      ...this.#maybe(0.1, { activeDeadlineSeconds: 20 }),
    };
    const metadata = { name: "wf", namespace: "default", uid: "uid-1", creationTimestamp: "2026-01-02T03:04:05Z" };
    return { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata, spec };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
  #pick<T>(...choices: [T, ...T[]]): T {
    return choices[this.#below(choices.length)] as T;
  }
  #maybe<T extends object>(chance: number, value: T): T | Record<string, never> {
    return this.#random() < chance ? value : {};
  }

  #limit(most: number): { parallelism?: number } {
    return this.#daemons ? {} : this.#maybe(0.4, { parallelism: 1 + this.#below(most) });
  }

  /** The name of a template to call. */
  #callee(depth: number): string {
    if (depth < depthLimit && this.#random() < 0.3) return this.#body(depth + 1);
    return this.#pick("ok", "ok", "ok", "ok", "flaky", "bad", "wait", this.#daemons ? "daemon" : "wait");
  }

  #body(depth: number): string {
    const name = `t${this.#templates.length}`;
    const template: Template = { name, ...this.#limit(3) };
    this.#templates.push(template);
    if (this.#random() < 0.15) template.retryStrategy = { limit: 1 };
    if (this.#random() < 0.5) {
      template.steps = Array.from({ length: 1 + this.#below(3) }, (_, group) =>
        Array.from({ length: 1 + this.#below(3) }, (_, i) => this.#step(depth, `s${group}${i}`)),
      );
      if (this.#random() < 0.2) template.failFast = true;
    } else {
      const tasks: DAGTask[] = [];
      for (let i = 0; i < 1 + this.#below(6); i++) tasks.push(this.#task(depth, `k${i}`, tasks));
      template.dag = { tasks, ...this.#maybe(0.3, { failFast: false }) };
    }
    return name;
  }

  #step(depth: number, name: string): WorkflowStep {
    return {
      name,
      template: this.#callee(depth),
      ...this.#common("steps", name),
      ...this.#maybe(0.25, { continueOn: { failed: true } }),
    };
  }

  #task(depth: number, name: string, before: DAGTask[]): DAGTask {
    const needs = before.filter(() => this.#random() < 0.4).map((task) => task.name);
    const conditions = needs.map((need) =>
      this.#pick(need, need, `${need}.Succeeded`, `(${need}.Failed || ${need}.Succeeded)`),
    );
    const depends = conditions.join(this.#pick(" && ", " && ", " || "));
    return { name, template: this.#callee(depth), ...(depends ? { depends } : {}), ...this.#common("tasks", name) };
  }

  #common(prefix: "steps" | "tasks", name: string): Partial<DAGTask> {
    const hooks: Record<string, LifecycleHook> = {
      running: { expression: `${prefix}["${name}"].status == "${this.#pick("Running", "Succeeded")}"`, template: "ok" },
    };
    return {
      ...this.#maybe(0.3, { withSequence: { count: String(this.#below(5)) } }),
      ...this.#maybe(0.1, { when: "1 == 2" }),
      ...this.#maybe(0.1, { onExit: this.#pick("ok", "bad") }),
      ...this.#maybe(0.1, { hooks }),
    };
  }
}
