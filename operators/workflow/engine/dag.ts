// Templates of tasks: each starts as soon as what it depends on is as it wants.
import type { DAGTask, NodePhase, NodeStatus, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError, evaluateDepends, type TaskResult } from "../expressions/index.ts";
import type { Frame } from "./attention.ts";
import { Batch, type Visited } from "./batch.ts";
import { type Plan, type PlannedTask, planOf } from "./dag-plan.ts";
import { type DagPhase, judge } from "./dag-verdict.ts";
import { runAllHooks } from "./hooks.ts";
import { bodyScope } from "./inputs.ts";
import { type Body, declaredOutputs, iterationsOf, runIteration } from "./invoke.ts";
import { isLoop } from "./items.ts";
import { isBarred } from "./limits.ts";
import { connectAfter, outboundOf, stopDaemons } from "./outbound.ts";
import { hasFailed, isFulfilled, isOver } from "./phase.ts";
import { addGlobalOutputs, addLoopToScope, addNodeToScope, outputsFromScope } from "./results.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";
import { isTakenOver } from "./taken-over.ts";

export function runDag(run: Run, body: Body): NodeStatus {
  const { attention } = run.memory;
  try {
    const known = attention.frame(body.node.id);
    const dag = known instanceof Dag && known.template === body.template ? known : new Dag(body.template);
    attention.setFrame(body.node.id, dag);
    return dag.run(run, body);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return run.mark(body.node, "Error", error.message);
  }
}

/** A loop's iterations, and the failure of the last one that failed. */
interface Loop {
  iterations: DAGTask[];
  batch: Batch;
  failed?: { item: number; phase: NodePhase };
}

/** A body under way: it looks at the tasks that something happened to, and at those that these let go on. */
class Dag implements Frame {
  readonly template: Template;
  readonly #plan: Plan;
  readonly #batch: Batch;
  readonly #loops = new Map<number, Loop>();
  /** How many needs of each task are not there yet. */
  readonly #missing: number[];
  /** Tasks that serve those that need them. */
  readonly #served = new Set<number>();
  /** Tasks whose node is there and not fulfilled. */
  readonly #running = new Set<number>();
  /** Nodes whose hooks are not over, by what tags call them. */
  readonly #hooking = new Set<string>();
  /** Tasks whose names in the scope may be out of date. */
  readonly #stale = new Set<string>();
  #scope: Scope | undefined;
  #run!: Run;
  #body!: Body;

  constructor(template: Template) {
    this.template = template;
    this.#plan = planOf(template);
    this.#batch = new Batch(this.#plan.order.length);
    this.#missing = this.#plan.order.map(({ needs }) => needs.length);
    for (const name of this.#plan.tasks.keys()) this.#stale.add(name);
  }

  look(part: number, item: number): void {
    this.#batch.look(part);
    this.#loops.get(part)?.batch.look(item);
  }

  run(run: Run, body: Body): NodeStatus {
    this.#run = run;
    this.#body = body;
    const { node } = body;
    this.#lookAtHooked();
    this.#batch.work(run, node.id, (part) => run.at({ body: node.id, part, item: 0 }, () => this.#visit(part)));
    run.hold(node, this.#batch);
    const phase = this.#phase();
    return phase === "Running" ? node : this.#finish(phase);
  }

  #finish(phase: DagPhase): NodeStatus {
    const { node, template } = this.#body;
    if (phase === "Succeeded") {
      const outputs = outputsFromScope(template, this.#names());
      if (outputs) {
        node.outputs = outputs;
        this.#run.changed = true;
        addGlobalOutputs(this.#run, outputs);
      }
    }
    const ends = this.#plan.targets.flatMap((name) => this.#node(name) ?? []);
    node.outboundNodes = [...new Set(ends.flatMap((end) => outboundOf(this.#run, end)))];
    this.#run.mark(node, phase);
    stopDaemons(this.#run, node);
    return node;
  }

  /** Whether a hook's expression holds can depend on anything. */
  #lookAtHooked(): void {
    for (const [part, { task, hooked }] of this.#plan.order.entries()) {
      if (!hooked) continue;
      this.#run.memory.attention.setRestless(this.#body.node.id);
      if (!this.#node(task.name)) continue;
      this.#batch.look(part);
      const loop = this.#loops.get(part);
      for (const item of loop?.iterations.keys() ?? []) loop?.batch.look(item);
    }
  }

  #node(task: string): NodeStatus | undefined {
    return this.#run.node(`${this.#body.node.name}.${task}`);
  }

  #visit(part: number): Visited {
    const one = this.#plan.order[part] as PlannedTask;
    const { name } = one.task;
    this.#stale.add(name);
    const visited = this.#move(part, one);
    this.#stale.add(name);
    const node = this.#node(name);
    if (!node) return visited;
    if (!isFulfilled(node)) {
      this.#running.add(part);
      return visited;
    }
    this.#running.delete(part);
    if (!this.#served.has(part) && !this.#hooking.has(name) && this.#hooksOver(node)) {
      this.#served.add(part);
      for (const other of one.neededBy) {
        this.#missing[other] = (this.#missing[other] ?? 0) - 1;
        if (this.#missing[other] === 0) this.#batch.look(other);
      }
    }
    return visited;
  }

  #move(part: number, { task, depends, needs }: PlannedTask): Visited {
    const node = this.#node(task.name);
    if (node && isOver(node)) {
      return node.type === "TaskGroup" ? { outlook: "over" } : this.#settle(task, task.name, node);
    }
    if (!node || (node.phase === "Pending" && isTakenOver(this.#run))) {
      if (this.#missing[part] !== 0) return { outlook: "waiting" };
      if (needs.length > 0 && !evaluateDepends(depends, (name, result) => this.#holds(name, result))) {
        const message = "omitted: depends condition not met";
        if (node) this.#run.mark(node, "Omitted", message);
        else this.#skip(task, "Omitted", message);
        return { outlook: "over" };
      }
    }
    return this.#start(part, task, node);
  }

  /** Runs the hooks of a node. */
  #settle(task: DAGTask, name: string, node: NodeStatus): Visited {
    const outlook = isFulfilled(node) ? "over" : "open";
    if (!task.hooks && !task.onExit) return { outlook };
    const prefix = `tasks.${name}`;
    const scope = this.#names();
    scope.set(`${prefix}.status`, node.phase ?? "");
    const hooked = { run: this.#run, body: this.#body, step: task, node, prefix, scope };
    const state = runAllHooks(hooked);
    if (state === "over") this.#hooking.delete(name);
    else this.#hooking.add(name);
    if (state === "held") return { outlook: "crowded", isPod: this.#run.heldIsPod };
    return { outlook: state === "over" ? outlook : "open" };
  }

  #hooksOver(node: NodeStatus): boolean {
    return this.#run.childrenOf(node).every((child) => !child.nodeFlag?.hooked || isOver(child));
  }

  #holds(task: string, result: TaskResult): boolean {
    const node = this.#node(task);
    if (!node) return false;
    switch (result) {
      case "Errored":
        return node.phase === "Error";
      case "Daemoned":
        return node.daemoned === true && node.phase !== "Pending";
      case "AnySucceeded":
        return this.#iterations(node).some(({ phase }) => phase === "Succeeded");
      case "AllFailed": {
        const all = this.#iterations(node);
        return all.length > 0 && all.every(hasFailed);
      }
      default:
        return node.phase === result;
    }
  }

  #iterations(node: NodeStatus): NodeStatus[] {
    if (node.type !== "TaskGroup") return [node];
    return this.#run.childrenOf(node).filter((child) => child.name.startsWith(`${node.name}(`));
  }

  #skip(task: DAGTask, phase: NodePhase, message: string): NodeStatus {
    const node = this.#run.addNode({
      name: `${this.#body.node.name}.${task.name}`,
      type: "Skipped",
      phase,
      message,
      context: this.#body.context,
      reference: task,
      boundary: this.#body.node.id,
    });
    this.#connect(task, node);
    return node;
  }

  /** Draws a node after what its task needs, or under the boundary. */
  #connect({ name }: DAGTask, node: NodeStatus): void {
    const needs = this.#plan.tasks.get(name)?.needs ?? [];
    if (needs.length === 0) this.#run.addChild(this.#body.node, node);
    for (const need of needs) {
      const before = this.#node(need);
      if (before) connectAfter(this.#run, before, node);
    }
  }

  #start(part: number, task: DAGTask, node: NodeStatus | undefined): Visited {
    const name = `${this.#body.node.name}.${task.name}`;
    let iterations: DAGTask[];
    let scope: Scope;
    try {
      scope = this.#names();
      iterations = iterationsOf(this.#run, name, task, scope);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      if (node) this.#run.mark(node, "Error", error.message);
      else this.#skip(task, "Error", error.message);
      return { outlook: "over" };
    }
    if (isLoop(task)) return this.#runLoop(part, task, node, iterations, scope);
    const [one] = iterations as [DAGTask];
    const started = runIteration(this.#run, this.#body, one, name, scope, (made) => this.#connect(task, made));
    if (!started) return { outlook: "held", isPod: this.#run.heldIsPod };
    return started.phase === "Pending" ? { outlook: "open" } : this.#settle(task, task.name, started);
  }

  #runLoop(part: number, task: DAGTask, known: NodeStatus | undefined, iterations: DAGTask[], scope: Scope): Visited {
    if (iterations.length === 0) {
      if (!known) this.#skip(task, "Skipped", "Skipped, empty params");
      return { outlook: "over" };
    }
    const { node: around, context } = this.#body;
    const name = `${around.name}.${task.name}`;
    const group =
      known ??
      this.#run.addNode({ name, type: "TaskGroup", phase: "Running", context, reference: task, boundary: around.id });
    if (!known) this.#connect(task, group);
    const loop = this.#loops.get(part) ?? { iterations, batch: new Batch(iterations.length) };
    this.#loops.set(part, loop);
    loop.batch.work(this.#run, around.id, (item) =>
      this.#run.at({ body: around.id, part, item }, () => this.#iterate(task, loop, item, group, scope)),
    );
    if (loop.batch.open.size === 0) {
      this.#run.mark(group, loop.failed?.phase ?? "Succeeded");
      this.#loops.delete(part);
      return { outlook: "over" };
    }
    if (loop.batch.isCalled(this.#run, around.id)) this.#batch.look(part);
    return loop.batch.isCrowded ? { outlook: "crowded", isPod: loop.batch.heldArePods } : { outlook: "open" };
  }

  #iterate(task: DAGTask, loop: Loop, item: number, group: NodeStatus, scope: Scope): Visited {
    const one = loop.iterations[item] as DAGTask;
    const name = `${this.#body.node.name}.${one.name}`;
    const node = runIteration(this.#run, this.#body, one, name, scope, (made) => this.#run.addChild(group, made));
    if (!node) return { outlook: "held", isPod: this.#run.heldIsPod };
    const visited = this.#settle(task, one.name, node);
    if (visited.outlook === "over" && hasFailed(node) && item >= (loop.failed?.item ?? 0))
      loop.failed = { item, phase: node.phase as NodePhase };
    return visited;
  }

  /** What tasks can name: everything of those that came so far. */
  #names(): Scope {
    this.#scope ??= bodyScope(this.#body.template, this.#run.globals);
    for (const name of this.#stale) this.#addTask((this.#plan.tasks.get(name) as PlannedTask).task, this.#scope);
    this.#stale.clear();
    return this.#scope;
  }

  #addTask(task: DAGTask, scope: Scope): void {
    const node = this.#node(task.name);
    if (!node) return;
    const prefix = `tasks.${task.name}`;
    if (node.type === "TaskGroup") {
      if (isOver(node))
        addLoopToScope(
          scope,
          prefix,
          this.#iterations(node).filter(({ type }) => type !== "Skipped"),
        );
      scope.set(`${prefix}.status`, node.phase ?? "");
      return;
    }
    if (node.phase === "Skipped" && isLoop(task)) {
      addLoopToScope(scope, prefix, []);
      scope.set(`${prefix}.status`, "Skipped");
      return;
    }
    const absent = node.phase === "Skipped" || node.phase === "Omitted";
    addNodeToScope(this.#run, scope, prefix, node, absent ? declaredOutputs(this.#run, this.#body, task) : undefined);
  }

  #phase(): DagPhase {
    const run = this.#run;
    const stopping = run.shutdown && !this.#body.onExit;
    if (stopping && this.#hooking.size === 0 && run.inside(this.#body.node.id).every(isFulfilled)) return "Failed";
    if (this.#running.size > 0) return "Running";
    if (this.#batch.isCrowded && isBarred(run, this.#body)) return "Failed";
    const phase = judge(run, this.#body, this.#plan);
    return this.#hooking.size > 0 ? "Running" : phase;
  }
}
