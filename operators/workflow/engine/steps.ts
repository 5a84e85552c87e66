// Templates of steps: groups one after another, the steps of a group at once.
import type { Invocation, NodeStatus } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../expressions/index.ts";
import { runExitHook, runHooks } from "./hooks.ts";
import { bodyScope } from "./inputs.ts";
import { type Body, continues, declaredOutputs, iterationsOf, runIteration } from "./invoke.ts";
import { isLoop } from "./items.ts";
import { connectAfter, outboundOf, stopDaemons } from "./outbound.ts";
import { hasFailed, hasRun, isFulfilled, isOver } from "./phase.ts";
import { addGlobalOutputs, addLoopToScope, addNodeToScope, outputsFromScope } from "./results.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";

export function runSteps(run: Run, body: Body): NodeStatus {
  const { node, template } = body;
  const scope = bodyScope(template, run.globals);
  let before: NodeStatus | undefined;
  for (const [index, steps] of (template.steps ?? []).entries()) {
    const group = ensureGroup(run, body, index, before);
    runGroup(run, body, group, steps, scope);
    if (!isOver(group)) return node;
    if (hasFailed(group)) return finish(run, body, "Failed", group.message);
    for (const step of steps) addStepToScope(run, body, group, step, scope);
    before = group;
  }
  try {
    const outputs = outputsFromScope(template, scope);
    if (outputs) {
      node.outputs = outputs;
      run.changed = true;
      addGlobalOutputs(run, outputs);
    }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return finish(run, body, "Error", error.message);
  }
  return finish(run, body, "Succeeded");
}

function finish(run: Run, body: Body, phase: "Succeeded" | "Failed" | "Error", message?: string): NodeStatus {
  const { node } = body;
  const last = (body.template.steps ?? []).map((_, i) => run.node(`${node.name}[${i}]`)).findLast((group) => group);
  node.outboundNodes = last ? [...new Set(run.childrenOf(last).flatMap((child) => outboundOf(run, child)))] : [];
  if (last && node.outboundNodes.length === 0) node.outboundNodes = [last.id];
  run.mark(node, phase, message);
  stopDaemons(run, node);
  return node;
}

/** The group's node; a new one is drawn after all that the group before it ended with. */
function ensureGroup(run: Run, body: Body, index: number, before: NodeStatus | undefined): NodeStatus {
  const name = `${body.node.name}[${index}]`;
  const known = run.node(name);
  if (known) return known;
  const group = run.addNode({
    name,
    type: "StepGroup",
    phase: "Running",
    context: body.context,
    reference: {},
    boundary: body.node.id,
  });
  if (!before) run.addChild(body.node, group);
  else if (!before.children?.length) run.addChild(before, group);
  else for (const child of run.childrenOf(before)) connectAfter(run, child, group);
  return group;
}

function runGroup(run: Run, body: Body, group: NodeStatus, steps: Invocation[], scope: Scope): void {
  if (isOver(group)) return;
  let done = true;
  let failed = false;
  const failFast = body.template.failFast === true;
  try {
    for (const step of steps) {
      for (const one of iterationsOf(run, `${group.name}.${step.name}`, step, scope)) {
        const name = `${group.name}.${one.name}`;
        if (failed && failFast && !run.node(name)) continue;
        const child = runIteration(run, body, one, name, scope, (node) => run.addChild(group, node));
        if (!child) {
          done = false;
          continue;
        }
        if (!settle(run, body, step, one, child, scope)) done = false;
        if (hasFailed(child) && !continues(step, child)) failed = true;
      }
    }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    run.mark(group, "Error", error.message);
    return;
  }
  if (!done) return;
  const culprit = failed ? findCulprit(run, group, steps) : undefined;
  if (culprit) run.mark(group, "Failed", `child '${culprit.id}' failed`);
  else run.mark(group, "Succeeded");
}

/** Runs a step's hooks. False while the step or one of them goes on. */
function settle(run: Run, body: Body, step: Invocation, one: Invocation, child: NodeStatus, scope: Scope): boolean {
  if (!step.hooks && !step.onExit) return isFulfilled(child);
  const prefix = `steps.${one.name}`;
  scope.set(`${prefix}.status`, child.phase ?? "");
  const hooked = { run, body, step, node: child, prefix, scope };
  if (!runHooks(hooked)) return false;
  if (!isFulfilled(child)) return false;
  return hasRun(child) ? runExitHook(hooked) : true;
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

function addStepToScope(run: Run, body: Body, group: NodeStatus, step: Invocation, scope: Scope): void {
  const prefix = `steps.${step.name}`;
  const name = `${group.name}.${step.name}`;
  if (isLoop(step)) {
    const nodes = run.childrenOf(group).filter((child) => child.name.startsWith(`${name}(`));
    addLoopToScope(
      scope,
      prefix,
      nodes.filter(({ type }) => type !== "Skipped"),
    );
    return;
  }
  const node = run.node(name);
  if (!node) return;
  const absent = node.phase === "Skipped" ? declaredOutputs(run, body, step) : undefined;
  addNodeToScope(run, scope, prefix, node, absent);
}
