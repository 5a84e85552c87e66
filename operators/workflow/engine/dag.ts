// Templates of tasks: each starts as soon as what it depends on is as it wants.
import type { DAGTask, NodePhase, NodeStatus, Template } from "@capstan/api/kinds/workflow";
import {
  type Depends,
  dependsOf,
  ExpressionError,
  evaluateDepends,
  parseDepends,
  type TaskResult,
  tasksOf,
} from "../expressions/index.ts";
import { runExitHook, runHooks } from "./hooks.ts";
import { bodyScope } from "./inputs.ts";
import { type Body, continues, declaredOutputs, iterationsOf, runIteration } from "./invoke.ts";
import { isLoop } from "./items.ts";
import { attemptsOf, connectAfter, outboundOf, stopDaemons } from "./outbound.ts";
import { hasFailed, hasRun, isFulfilled, isOver } from "./phase.ts";
import { addGlobalOutputs, addLoopToScope, addNodeToScope, outputsFromScope } from "./results.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";

interface Plan {
  tasks: Map<string, DAGTask>;
  depends: Map<string, Depends>;
  needs: Map<string, string[]>;
  targets: string[];
}
const plans = new WeakMap<Template, Plan>();

/** @throws ExpressionError for a `depends` that cannot be read. */
function planOf(template: Template): Plan {
  const known = plans.get(template);
  if (known) return known;
  const list = template.dag?.tasks ?? [];
  const tasks = new Map(list.map((task) => [task.name, task]));
  const depends = new Map(
    list.map((task) => [
      task.name,
      task.depends
        ? parseDepends(task.depends)
        : dependsOf(task.dependencies ?? [], (name) => tasks.get(name)?.continueOn),
    ]),
  );
  const needs = new Map([...depends].map(([name, tree]) => [name, [...tasksOf(tree)]]));
  const needed = new Set([...needs.values()].flat());
  const target = template.dag?.target?.trim();
  const targets = target ? target.split(/\s+/) : list.map(({ name }) => name).filter((name) => !needed.has(name));
  const plan = { tasks, depends, needs, targets };
  plans.set(template, plan);
  return plan;
}

export function runDag(run: Run, body: Body): NodeStatus {
  try {
    const dag = new Dag(run, body, planOf(body.template));
    return dag.run();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return run.mark(body.node, "Error", error.message);
  }
}

class Dag {
  readonly #run: Run;
  readonly #body: Body;
  readonly #plan: Plan;
  readonly #visited = new Set<string>();
  #names: Scope | undefined;
  #exitsDone = true;

  constructor(run: Run, body: Body, plan: Plan) {
    this.#run = run;
    this.#body = body;
    this.#plan = plan;
  }

  run(): NodeStatus {
    const { node } = this.#body;
    for (const task of this.#order()) this.#visit(task);
    const phase = this.#phase();
    if (phase === "Running") return node;
    if (phase === "Succeeded") {
      const scope = this.#scope();
      const outputs = outputsFromScope(this.#body.template, scope);
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

  /** The targets and all that they need, needs first. */
  #order(): DAGTask[] {
    const order: DAGTask[] = [];
    const seen = new Set<string>();
    const open = this.#plan.targets.toReversed().map((name) => ({ name, left: false }));
    while (open.length > 0) {
      const { name, left } = open.pop() as { name: string; left: boolean };
      const task = this.#plan.tasks.get(name);
      if (!task) throw new ExpressionError(`dag: there is no task ${name}`);
      if (left) order.push(task);
      else if (!seen.has(name)) {
        seen.add(name);
        open.push({ name, left: true });
        for (const need of this.#plan.needs.get(name) ?? [])
          if (!seen.has(need)) open.push({ name: need, left: false });
      }
    }
    return order;
  }

  #node(task: string): NodeStatus | undefined {
    return this.#run.node(`${this.#body.node.name}.${task}`);
  }

  #visit(task: DAGTask): void {
    if (this.#visited.has(task.name)) return;
    this.#visited.add(task.name);
    const node = this.#node(task.name);
    if (node && isOver(node) && node.type !== "TaskGroup") {
      this.#settle(task, task.name, node);
      return;
    }
    if (node && isOver(node)) return;
    if (!node) {
      const ready = this.#ready(task);
      if (ready === "wait") return;
      if (ready !== "go") {
        this.#skip(task, ready.phase, ready.message);
        return;
      }
    }
    this.#start(task, node);
  }

  /** Runs the hooks of a node; false while it or one of them goes on. */
  #settle(task: DAGTask, name: string, node: NodeStatus): boolean {
    if (!task.hooks && !task.onExit) return isFulfilled(node);
    const prefix = `tasks.${name}`;
    const scope = this.#scope();
    scope.set(`${prefix}.status`, node.phase ?? "");
    const hooked = { run: this.#run, body: this.#body, step: task, node, prefix, scope };
    const hooksDone = runHooks(hooked);
    const exitDone = hasRun(node) ? runExitHook(hooked) : true;
    if (!hooksDone || !exitDone) this.#exitsDone = false;
    return hooksDone && exitDone && isFulfilled(node);
  }

  #ready(task: DAGTask): "go" | "wait" | { phase: NodePhase; message: string } {
    const needs = this.#plan.needs.get(task.name) ?? [];
    for (const need of needs) {
      const node = this.#node(need);
      if (!node || !isFulfilled(node) || !this.#hooksOver(node)) return "wait";
    }
    const depends = this.#plan.depends.get(task.name) as Depends;
    if (needs.length === 0 || evaluateDepends(depends, (name, result) => this.#holds(name, result))) return "go";
    return { phase: "Omitted", message: "omitted: depends condition not met" };
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
  #connect(task: DAGTask, node: NodeStatus): void {
    const needs = this.#plan.needs.get(task.name) ?? [];
    if (needs.length === 0) this.#run.addChild(this.#body.node, node);
    for (const need of needs) {
      const before = this.#node(need);
      if (before) connectAfter(this.#run, before, node);
    }
  }

  #start(task: DAGTask, node: NodeStatus | undefined): void {
    const name = `${this.#body.node.name}.${task.name}`;
    let iterations: DAGTask[];
    let scope: Scope;
    try {
      scope = this.#scope();
      iterations = iterationsOf(this.#run, name, task, scope);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      if (node) this.#run.mark(node, "Error", error.message);
      else this.#skip(task, "Error", error.message);
      return;
    }
    if (isLoop(task)) {
      this.#startLoop(task, node, iterations, scope);
      return;
    }
    const [one] = iterations as [DAGTask];
    const started = runIteration(this.#run, this.#body, one, name, scope, (made) => this.#connect(task, made));
    if (started && !isOver(started)) this.#settleRunning(task, started);
    else if (started) this.#settle(task, task.name, started);
  }

  #settleRunning(task: DAGTask, node: NodeStatus): void {
    if (node.phase === "Running") this.#settle(task, task.name, node);
  }

  #startLoop(task: DAGTask, known: NodeStatus | undefined, iterations: DAGTask[], scope: Scope): void {
    if (iterations.length === 0) {
      if (!known) this.#skip(task, "Skipped", "Skipped, empty params");
      return;
    }
    const name = `${this.#body.node.name}.${task.name}`;
    const group =
      known ??
      this.#run.addNode({
        name,
        type: "TaskGroup",
        phase: "Running",
        context: this.#body.context,
        reference: task,
        boundary: this.#body.node.id,
      });
    if (!known) this.#connect(task, group);
    let phase: NodePhase = "Succeeded";
    let done = true;
    for (const one of iterations) {
      const full = `${this.#body.node.name}.${one.name}`;
      const node = runIteration(this.#run, this.#body, one, full, scope, (made) => this.#run.addChild(group, made));
      if (!node || !this.#settle(task, one.name, node)) done = false;
      else if (hasFailed(node)) phase = node.phase as NodePhase;
    }
    if (done) this.#run.mark(group, phase);
  }

  /** What tasks can name: everything of those that came so far. */
  #scope(): Scope {
    const scope = this.#names ?? bodyScope(this.#body.template, this.#run.globals);
    this.#names = scope;
    for (const task of this.#plan.tasks.values()) this.#addTask(task, scope);
    return scope;
  }

  #added = new Set<string>();
  #addTask(task: DAGTask, scope: Scope): void {
    const node = this.#node(task.name);
    if (!node || this.#added.has(task.name)) return;
    if (isOver(node)) this.#added.add(task.name);
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

  /** Succeeded, Failed or Error when nothing more will happen. An omitted task takes the phase of what is before it. */
  #phase(): "Running" | "Succeeded" | "Failed" | "Error" {
    const run = this.#run;
    if (run.shutdown && this.#exitsDone && !this.#body.onExit && this.#nothingRuns()) return "Failed";
    const targets = new Map(this.#plan.targets.map((name) => [run.idOf(`${this.#body.node.name}.${name}`), name]));
    const deduced = new Map<string, NodePhase>();
    const open = (this.#body.node.children ?? []).map((id) => ({ id, branch: "Succeeded" as NodePhase }));
    const seen = new Set<string>();
    while (open.length > 0) {
      const { id, branch } = open.pop() as { id: string; branch: NodePhase };
      if (seen.has(`${id} ${branch}`)) continue;
      seen.add(`${id} ${branch}`);
      const node = run.nodes[id];
      if (!node || !isFulfilled(node)) return "Running";
      const phase = hasRun(node) ? (node.phase as NodePhase) : branch;
      const target = targets.get(id);
      const before = target && deduced.get(target);
      if (target && !(before && hasFailed({ phase: before }))) deduced.set(target, phase);
      const next = node.type === "Retry" ? this.#afterRetry(node) : (node.children ?? []);
      for (const child of next) open.push({ id: child, branch: phase });
    }
    if (!this.#exitsDone) return "Running";
    return this.#verdict(deduced);
  }

  #nothingRuns(): boolean {
    return this.#run.inside(this.#body.node.id).every(isFulfilled);
  }

  /** A Retry node stands for its last attempt: what follows hangs on that one. */
  #afterRetry(node: NodeStatus): string[] {
    const attempts = new Set(attemptsOf(this.#run, node).map(({ id }) => id));
    const own = (node.children ?? []).filter((id) => !attempts.has(id));
    return [...own, ...attemptsOf(this.#run, node).flatMap(({ children }) => children ?? [])];
  }

  #verdict(deduced: Map<string, NodePhase>): "Running" | "Succeeded" | "Failed" | "Error" {
    const failFast = this.#body.template.dag?.failFast !== false;
    let result: "Running" | "Succeeded" | "Failed" | "Error" = "Succeeded";
    for (const target of this.#plan.targets) {
      const phase = deduced.get(target);
      if (!phase) {
        result = "Running";
        if (!failFast) break;
      } else if (hasFailed({ phase })) {
        const task = this.#plan.tasks.get(target);
        const node = this.#node(target);
        if (continues(task, { ...(node as NodeStatus), phase })) continue;
        result = phase as "Failed" | "Error";
        if (failFast) break;
      }
    }
    return result;
  }
}
