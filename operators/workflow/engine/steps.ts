// Templates of steps: groups one after another, the steps of a group at once.
import type { Invocation, NodeStatus, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../expressions/index.ts";
import type { Frame } from "./attention.ts";
import { Batch, type Visited } from "./batch.ts";
import { runAllHooks } from "./hooks.ts";
import { bodyScope } from "./inputs.ts";
import { type Body, continues, declaredOutputs, iterationsOf, runIteration } from "./invoke.ts";
import { isLoop } from "./items.ts";
import { barredMessage, isBarred } from "./limits.ts";
import { connectAfter, outboundOf, stopDaemons } from "./outbound.ts";
import { hasFailed, isFulfilled, isOver } from "./phase.ts";
import { addGlobalOutputs, addLoopToScope, addNodeToScope, outputsFromScope } from "./results.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";

export function runSteps(run: Run, body: Body): NodeStatus {
  const { attention } = run.memory;
  const known = attention.frame(body.node.id);
  const steps = known instanceof Steps && known.template === body.template ? known : new Steps(body.template);
  attention.setFrame(body.node.id, steps);
  return steps.run(run, body);
}

/** The group that is under way. */
interface Group {
  items: { step: Invocation; one: Invocation }[];
  batch: Batch;
  /** Number of the first item that failed and should not have. */
  failedAt: number;
}

/** A body under way: it looks at the steps of its present group that something happened to. */
class Steps implements Frame {
  readonly template: Template;
  #index = 0;
  #group: Group | undefined;
  #scope: Scope | undefined;
  #run!: Run;
  #body!: Body;

  constructor(template: Template) {
    this.template = template;
  }

  look(part: number, item: number): void {
    if (part === this.#index) this.#group?.batch.look(item);
  }

  run(run: Run, body: Body): NodeStatus {
    this.#run = run;
    this.#body = body;
    const scope = this.#scope ?? bodyScope(body.template, run.globals);
    this.#scope = scope;
    const groups = body.template.steps ?? [];
    for (let steps = groups[this.#index]; steps; steps = groups[++this.#index]) {
      const group = this.#ensureGroup();
      this.#runGroup(group, steps, scope);
      if (!isOver(group)) return body.node;
      if (hasFailed(group)) return this.#finish("Failed", group.message);
      for (const step of steps) this.#addToScope(group, step, scope);
      this.#group = undefined;
    }
    try {
      const outputs = outputsFromScope(body.template, scope);
      if (outputs) {
        body.node.outputs = outputs;
        run.changed = true;
        addGlobalOutputs(run, outputs);
      }
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return this.#finish("Error", error.message);
    }
    return this.#finish("Succeeded");
  }

  #finish(phase: "Succeeded" | "Failed" | "Error", message?: string): NodeStatus {
    const run = this.#run;
    const { node, template } = this.#body;
    const last = (template.steps ?? []).map((_, i) => run.node(`${node.name}[${i}]`)).findLast((group) => group);
    node.outboundNodes = last ? [...new Set(run.childrenOf(last).flatMap((child) => outboundOf(run, child)))] : [];
    if (last && node.outboundNodes.length === 0) node.outboundNodes = [last.id];
    run.mark(node, phase, message);
    stopDaemons(run, node);
    return node;
  }

  /** The present group's node; a new one is drawn after all that the group before it ended with. */
  #ensureGroup(): NodeStatus {
    const run = this.#run;
    const { node, context } = this.#body;
    const name = `${node.name}[${this.#index}]`;
    const known = run.node(name);
    if (known) return known;
    const group = run.addNode({
      name,
      type: "StepGroup",
      phase: "Running",
      context,
      reference: {},
      boundary: node.id,
    });
    const before = this.#index > 0 ? run.node(`${node.name}[${this.#index - 1}]`) : undefined;
    if (!before) run.addChild(node, group);
    else if (!before.children?.length) run.addChild(before, group);
    else for (const child of run.childrenOf(before)) connectAfter(run, child, group);
    return group;
  }

  #runGroup(node: NodeStatus, steps: Invocation[], scope: Scope): void {
    if (isOver(node)) return;
    const run = this.#run;
    const body = this.#body.node.id;
    try {
      const group = this.#group ?? this.#begin(node, steps, scope);
      this.#group = group;
      this.#lookAtHooked(node, group);
      group.batch.work(run, body, (item) =>
        run.at({ body, part: this.#index, item }, () => this.#visit(node, group, item, scope)),
      );
      run.hold(this.#body.node, group.batch);
      if (group.batch.isStuck && isBarred(run, this.#body)) run.mark(node, "Failed", barredMessage);
      if (group.batch.open.size > 0) return;
      const culprit = group.failedAt < group.items.length ? findCulprit(run, node, steps) : undefined;
      if (culprit) run.mark(node, "Failed", `child '${culprit.id}' failed`);
      else run.mark(node, "Succeeded");
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      run.mark(node, "Error", error.message);
    }
  }

  #begin(node: NodeStatus, steps: Invocation[], scope: Scope): Group {
    const items = steps.flatMap((step) =>
      iterationsOf(this.#run, `${node.name}.${step.name}`, step, scope).map((one) => ({ step, one })),
    );
    return { items, batch: new Batch(items.length), failedAt: items.length };
  }

  /** Whether a hook's expression holds can depend on anything. */
  #lookAtHooked(node: NodeStatus, { items, batch }: Group): void {
    for (const [item, { step, one }] of items.entries()) {
      if (!step.hooks || Object.keys(step.hooks).every((name) => name === "exit")) continue;
      this.#run.memory.attention.setRestless(this.#body.node.id);
      if (this.#run.node(`${node.name}.${one.name}`)) batch.look(item);
    }
  }

  #visit(node: NodeStatus, group: Group, item: number, scope: Scope): Visited {
    const run = this.#run;
    const { step, one } = group.items[item] as Group["items"][number];
    const name = `${node.name}.${one.name}`;
    const failFast = this.#body.template.failFast === true;
    if (failFast && group.failedAt < item && !run.node(name)) return { outlook: "over" };
    const child = runIteration(run, this.#body, one, name, scope, (made) => run.addChild(node, made));
    if (!child) return { outlook: "held", isPod: run.heldIsPod };
    const visited = this.#settle(step, one, child, scope);
    if (hasFailed(child) && !continues(step, child) && item < group.failedAt) {
      group.failedAt = item;
      if (failFast) this.#dropRest(node, group);
    }
    return visited;
  }

  /** What has not begun does not begin any more. */
  #dropRest(node: NodeStatus, { items, batch, failedAt }: Group): void {
    for (const item of batch.open) {
      if (item > failedAt && !this.#run.node(`${node.name}.${items[item]?.one.name}`)) batch.drop(item);
    }
  }

  /** Runs a step's hooks. */
  #settle(step: Invocation, one: Invocation, child: NodeStatus, scope: Scope): Visited {
    const outlook = isFulfilled(child) ? "over" : "open";
    if (!step.hooks && !step.onExit) return { outlook };
    const prefix = `steps.${one.name}`;
    scope.set(`${prefix}.status`, child.phase ?? "");
    const state = runAllHooks({ run: this.#run, body: this.#body, step, node: child, prefix, scope });
    if (state === "held") return { outlook: "crowded", isPod: this.#run.heldIsPod };
    return { outlook: state === "over" ? outlook : "open" };
  }

  #addToScope(group: NodeStatus, step: Invocation, scope: Scope): void {
    const prefix = `steps.${step.name}`;
    const name = `${group.name}.${step.name}`;
    if (isLoop(step)) {
      const nodes = this.#run.childrenOf(group).filter((child) => child.name.startsWith(`${name}(`));
      addLoopToScope(
        scope,
        prefix,
        nodes.filter(({ type }) => type !== "Skipped"),
      );
      return;
    }
    const node = this.#run.node(name);
    if (!node) return;
    const absent = node.phase === "Skipped" ? declaredOutputs(this.#run, this.#body, step) : undefined;
    addNodeToScope(this.#run, scope, prefix, node, absent);
  }
}

function findCulprit(run: Run, group: NodeStatus, steps: Invocation[]): NodeStatus | undefined {
  return run.childrenOf(group).find((child) => {
    const step = steps.find(({ name }) => {
      const own = `${group.name}.${name}`;
      return child.name === own || child.name.startsWith(`${own}(`);
    });
    return hasFailed(child) && !continues(step, child);
  });
}
