// Hooks of steps and tasks: `exit` when they have run, the others when their expression holds.
import type { Arguments, Invocation, LifecycleHook, NodeStatus } from "@capstan/api/kinds/workflow";
import { ExpressionError, evaluateCondition, UnresolvedError } from "../expressions/index.ts";
import { executeTemplate } from "./execute.ts";
import { type Body, resolveArguments } from "./invoke.ts";
import { hookName, onExitName } from "./names.ts";
import { hasRun, isFulfilled } from "./phase.ts";
import { addNodeToScope } from "./results.ts";
import type { Run } from "./run.ts";
import { Scope } from "./scope.ts";
import { substitute } from "./substitute.ts";
import { hookReference } from "./templates.ts";

export interface Hooked {
  run: Run;
  body: Body;
  step: Invocation;
  node: NodeStatus;
  /** `steps.<name>` or `tasks.<name>`. */
  prefix: string;
  scope: Scope;
}

/** How hooks stand: all are over, one is under way, or a limit holds one back. */
export type HookState = "over" | "open" | "held";

const stateOf = (hook: NodeStatus | undefined): HookState => (!hook ? "held" : isFulfilled(hook) ? "over" : "open");

/** Runs a step's hooks; its exit hook when it has run. */
export function runAllHooks(hooked: Hooked): HookState {
  const state = runHooks(hooked);
  const exit = hasRun(hooked.node) ? runExitHook(hooked) : "over";
  return state === "held" || exit === "over" ? state : exit;
}

/** Runs the hooks whose expression holds. */
function runHooks({ run, body, step, node, prefix, scope }: Hooked): HookState {
  let state: HookState = "over";
  for (const [name, hook] of Object.entries(step.hooks ?? {})) {
    if (name === "exit") continue;
    const full = hookName(node.name, name);
    if (!run.node(full) && !holds(hook.expression, name, scope)) continue;
    const names = new Scope(scope);
    addNodeToScope(run, names, prefix, node);
    const given = resolveHookArguments(hook.arguments, names);
    const options = { boundary: body.node.id, flag: { hooked: true } };
    const hooked = executeTemplate(run, full, hookReference(hook), body.context, given, options);
    if (hooked) run.addChild(node, hooked);
    const own = stateOf(hooked);
    if (state !== "held" && own !== "over") state = own;
  }
  return state;
}

export function holds(expression: string | undefined, hook: string, scope: Scope): boolean {
  if (!expression) throw new ExpressionError(`hooks.${hook}.expression is required`);
  try {
    return evaluateCondition(expression, scope.environment());
  } catch (error) {
    // What it names may come later.
    if (error instanceof UnresolvedError) return false;
    throw error;
  }
}

function resolveHookArguments(given: Arguments | undefined, scope: Scope): Arguments | undefined {
  return resolveArguments(substitute(given, scope), scope);
}

/** Runs the exit hook of a node that has run. */
function runExitHook({ run, body, step, node, prefix, scope }: Hooked): HookState {
  const hook: LifecycleHook | undefined = step.hooks?.exit ?? (step.onExit ? { template: step.onExit } : undefined);
  if (!hook || run.shutdown === "Terminate") return "over";
  const own = new Scope(scope);
  addNodeToScope(run, own, prefix, node);
  const name = onExitName(node.name);
  if (!run.node(name) && hook.expression && !evaluateCondition(hook.expression, own.environment())) return "over";
  const given = resolveHookArguments(hook.arguments, own);
  const options = { boundary: body.node.id, onExit: true, flag: { hooked: true } };
  const hooked = executeTemplate(run, name, hookReference(hook), body.context, given, options);
  if (hooked) run.addChild(node, hooked);
  return stateOf(hooked);
}
