// Makes or continues the node of one template, whatever its type.
import type { Arguments, NodeStatus, NodeType, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError, parseDuration } from "../expressions/index.ts";
import { runDag } from "./dag.ts";
import { processInputs, refill } from "./inputs.ts";
import { sourcesOf } from "./invoke.ts";
import { isHeldBack } from "./limits.ts";
import { acquireLocks } from "./locks.ts";
import { recallNode } from "./memoize.ts";
import { attemptsOf } from "./outbound.ts";
import { hasFailed, isOver } from "./phase.ts";
import { requestPod } from "./request-pod.ts";
import { addGlobalOutputs } from "./results.ts";
import { addRetryNames, nextAttempt } from "./retry.ts";
import type { Run } from "./run.ts";
import { Scope } from "./scope.ts";
import { runSteps } from "./steps.ts";
import { runSuspend } from "./suspend.ts";
import { requestTask } from "./tasks.ts";
import { type Reference, resolveTemplate, runsAsPod, type TemplateContext, typeOf } from "./templates.ts";

export interface ExecuteOptions {
  boundary?: string;
  /** Part of an exit handler: runs although the workflow is being stopped. */
  onExit?: boolean;
  flag?: NodeStatus["nodeFlag"];
}

interface Step extends ExecuteOptions {
  name: string;
  reference: Reference;
  /** From where the reference was written. */
  context: TemplateContext;
  template: Template;
  /** From where the template's own references are read. */
  inner: TemplateContext;
  deadline?: number;
  /** Nodes of the cluster where earlier attempts failed. */
  avoid?: string[];
}

/** @returns undefined while a parallelism limit holds it back. */
export function executeTemplate(
  run: Run,
  name: string,
  reference: Reference,
  context: TemplateContext,
  given: Arguments | undefined,
  options: ExecuteOptions = {},
): NodeStatus | undefined {
  const node = run.node(name);
  if (node && isOver(node)) return node;
  const next = proceed(run, name, node, reference, context, given, options);
  if (next) run.attend(next);
  return next;
}

function proceed(
  run: Run,
  name: string,
  node: NodeStatus | undefined,
  reference: Reference,
  context: TemplateContext,
  given: Arguments | undefined,
  options: ExecuteOptions,
): NodeStatus | undefined {
  // A pod that exists goes on by itself; its events are read before any template is.
  if (node?.type === "Pod" && (node.phase === "Running" || run.world.pod(run.podName(node)))) return node;
  if (run.depth >= run.world.settings.depthLimit) {
    return fail(
      run,
      node,
      { name, reference, context, ...options },
      "Maximum recursion depth exceeded. See https://argoproj.github.io/argo-workflows/template-recursion",
    );
  }
  run.depth++;
  try {
    const { template, inner } = prepare(run, name, node, reference, context, given);
    return execute(run, node, { ...options, name, reference, context, template, inner });
  } catch (error) {
    if (!(error instanceof ExpressionError || error instanceof RangeError)) throw error;
    return fail(run, run.node(name), { name, reference, context, ...options }, error.message);
  } finally {
    run.depth--;
  }
}

function fail(
  run: Run,
  node: NodeStatus | undefined,
  { name, reference, context, boundary, flag }: Omit<Step, "template" | "inner">,
  message: string,
): NodeStatus {
  if (node) return run.mark(node, "Error", message);
  return run.addNode({
    name,
    type: "Skipped",
    phase: "Error",
    message,
    context,
    reference,
    ...(boundary ? { boundary } : {}),
    ...(flag ? { flag } : {}),
  });
}

const contexts = new WeakMap<Template, TemplateContext>();

/** The template with its inputs, remembered while its node is under way. */
function prepare(
  run: Run,
  name: string,
  node: NodeStatus | undefined,
  reference: Reference,
  context: TemplateContext,
  given: Arguments | undefined,
): { template: Template; inner: TemplateContext } {
  const id = run.idOf(name);
  const known = node && run.memory.processed.get(id);
  const inner = known && contexts.get(known);
  if (known && inner) return { template: known, inner };
  const resolved = resolveTemplate(reference, context, sourcesOf(run));
  const scope = new Scope(run.globals);
  scope.set("node.name", name);
  if (reference.name) {
    scope.set("steps.name", reference.name);
    scope.set("tasks.name", reference.name);
  }
  if (runsAsPod(resolved.template) && !run.retryStrategy(resolved.template)) {
    scope.set("pod.name", run.podNameOf(name, reference.templateRef?.template ?? reference.template ?? "", id));
  }
  let template = processInputs(resolved.template, { arguments: given, scope, find: run.world.configMap });
  if (template === resolved.template) template = { ...template };
  contexts.set(template, resolved.context);
  run.memory.processed.set(id, template);
  return { template, inner: resolved.context };
}

function execute(run: Run, node: NodeStatus | undefined, step: Step): NodeStatus | undefined {
  const { template } = step;
  if (node?.type === "Skipped" && node.phase === "Pending") node.type = nodeTypeOf(run, template);
  if (node && pastTimeout(run, node, template)) return run.mark(node, "Failed", "Step exceeded its deadline");
  const isPod = runsAsPod(template);
  if ((!node || node.phase === "Pending") && isHeldBack(run, node, { boundary: step.boundary, isPod })) {
    run.heldIsPod = isPod;
    return node;
  }
  const waiting = acquireLocks(run, template, run.idOf(step.name));
  if (waiting) {
    const held = node ?? add(run, step, nodeTypeOf(run, template), "Pending");
    const end = endOf(run, step.onExit === true);
    if (end) {
      delete held.synchronizationStatus;
      return run.mark(held, "Failed", end);
    }
    held.synchronizationStatus = { waiting: waiting.lock };
    return run.mark(held, "Pending", waiting.message);
  }
  const fresh = !node || (node.phase === "Pending" && !node.memoizationStatus);
  const recalled = fresh ? recallNode(run, template, run.idOf(step.name)) : undefined;
  if (recalled === "asked") return node ?? add(run, step, nodeTypeOf(run, template), "Pending");
  if (node?.synchronizationStatus) {
    delete node.synchronizationStatus;
    run.mark(node, node.phase ?? "Pending", "");
  }
  if (!recalled) return body(run, node, step);
  const made = node ?? add(run, step, nodeTypeOf(run, template), recalled.hit ? "Running" : startPhase(template, run));
  if (node && template.inputs) node.inputs = template.inputs;
  made.memoizationStatus = { hit: recalled.hit, key: recalled.key, cacheName: recalled.cacheName };
  run.changed = true;
  if (!recalled.hit) return body(run, run.mark(made, startPhase(template, run)), step);
  if (recalled.outputs) made.outputs = recalled.outputs;
  addGlobalOutputs(run, made.outputs);
  return run.mark(made, "Succeeded");
}

/** Why what has not started yet never will. */
function endOf(run: Run, onExit: boolean): string | undefined {
  if (run.shutdown === "Terminate" || (run.shutdown === "Stop" && !onExit))
    return `workflow shutdown with strategy: ${run.shutdown}`;
  return run.pastDeadline && !onExit ? "Step exceeded its deadline" : undefined;
}

const startPhase = (template: Template, run: Run) =>
  runsAsPod(template) && !run.retryStrategy(template) ? ("Pending" as const) : ("Running" as const);

function body(run: Run, node: NodeStatus | undefined, step: Step): NodeStatus | undefined {
  const strategy = run.retryStrategy(step.template);
  if (!strategy) return executeOnce(run, node, step);
  const retry = node ?? add(run, step, "Retry", "Running");
  const next = nextAttempt(run, retry, strategy);
  if (next === "over" || next === "wait") return retry;
  attempt(run, retry, step, next);
  const last = attemptsOf(run, retry).at(-1);
  // An attempt that is over at once decides about the next one now.
  if (last && isOver(last)) {
    const after = nextAttempt(run, retry, strategy);
    if (typeof after === "object") run.wakeAt(run.world.now, retry);
  }
  return retry;
}

function attempt(
  run: Run,
  retry: NodeStatus,
  step: Step,
  next: { name: string; attempt: number; deadline?: number },
): void {
  const known = run.node(next.name);
  const place = { body: retry.id, part: 0, item: 0 };
  if (known?.type === "Pod" && (known.phase === "Running" || run.world.pod(run.podName(known)))) {
    run.at(place, () => run.attend(known));
    return;
  }
  const before = attemptsOf(run, retry)[next.attempt - 1];
  const id = run.idOf(next.name);
  const addNames = (scope: Scope) => {
    addRetryNames(scope, next.attempt, before, "0");
    const named = step.reference.templateRef?.template ?? step.reference.template ?? "";
    if (runsAsPod(step.template)) scope.set("pod.name", run.podNameOf(next.name, named, id));
  };
  const remembered = known && run.memory.processed.get(id);
  const template = remembered ?? refill(step.template, addNames, run.globals);
  run.memory.processed.set(id, template);
  const flag = { ...step.flag, retried: true };
  const { deadline } = next;
  const avoid = hostsToAvoid(run, retry, step.template);
  const one = { ...step, name: next.name, template, flag, avoid, ...(deadline ? { deadline } : {}) };
  run.at(place, () => {
    const child = executeOnce(run, known, one);
    run.attend(child);
    run.addChild(retry, child);
  });
}

/** Where earlier attempts failed, if the strategy wants another one. */
function hostsToAvoid(run: Run, retry: NodeStatus, template: Template): string[] {
  if (!run.retryStrategy(template)?.affinity?.nodeAntiAffinity) return [];
  const failed = attemptsOf(run, retry).filter(hasFailed);
  return [...new Set(failed.flatMap(({ hostNodeName }) => hostNodeName ?? []))];
}

function nodeTypeOf(run: Run, template: Template): NodeType {
  if (run.retryStrategy(template)) return "Retry";
  const types: Record<string, NodeType> = { steps: "Steps", dag: "DAG", suspend: "Suspend", http: "HTTP" };
  return types[typeOf(template) ?? ""] ?? "Pod";
}

function add(run: Run, step: Step, type: NodeType, phase: "Pending" | "Running"): NodeStatus {
  const { name, context, reference, boundary, template, flag } = step;
  return run.addNode({
    name,
    type,
    phase,
    context,
    reference,
    template,
    ...(boundary ? { boundary } : {}),
    ...(flag ? { flag } : {}),
  });
}

function executeOnce(run: Run, known: NodeStatus | undefined, step: Step): NodeStatus {
  const { template, inner } = step;
  const onExit = step.onExit === true;
  switch (typeOf(template)) {
    case "steps": {
      const node = ready(run, known, step, "Steps");
      return runSteps(run, { node, template, context: inner, onExit, prefix: "steps" });
    }
    case "dag": {
      const node = ready(run, known, step, "DAG");
      return runDag(run, { node, template, context: inner, onExit, prefix: "tasks" });
    }
    case "suspend":
      return runSuspend(run, ready(run, known, step, "Suspend"), template);
    case "http":
      return requestTask(run, known ?? add(run, step, "HTTP", "Pending"), template, onExit);
    case "container":
    case "script":
    case "resource":
    case "containerSet":
    case "data": {
      const node = known ?? add(run, step, "Pod", "Pending");
      const ends = [step.deadline, timeoutOf(node, template)].filter((end) => end !== undefined);
      const { avoid = [] } = step;
      const deadline = ends.length > 0 ? { deadline: Math.min(...ends) } : {};
      return requestPod(run, node, template, { onExit, avoid, ...deadline });
    }
    case undefined:
      throw new ExpressionError(
        `template ${template.name ?? ""} says neither container, script, steps, dag, suspend, resource, http nor data`,
      );
    default:
      throw new ExpressionError(`templates of type ${typeOf(template)} are not supported`);
  }
}

/** When a template's time is over, counted from its node's start, epoch milliseconds. */
function timeoutOf({ startedAt }: NodeStatus, { timeout }: Template): number | undefined {
  return timeout && startedAt ? Date.parse(startedAt) + parseDuration(timeout) : undefined;
}

/** A node that waited for a lock starts now. */
function ready(run: Run, known: NodeStatus | undefined, step: Step, type: NodeType): NodeStatus {
  if (!known) return add(run, step, type, "Running");
  return known.phase === "Pending" ? run.mark(known, "Running") : known;
}

function pastTimeout(run: Run, node: NodeStatus, template: Template): boolean {
  const limit = node.phase === "Pending" ? (template.timeout ?? template.pendingTimeout) : template.timeout;
  if (!limit || !node.startedAt) return false;
  const until = Date.parse(node.startedAt) + parseDuration(limit);
  if (run.world.now < until) {
    run.wakeAt(until, node);
    return false;
  }
  for (const other of Object.values(run.nodes)) {
    if (other.boundaryID === node.id && other.type === "Pod" && !isOver(other)) {
      run.effects.push({ do: "stop pod", name: run.podName(other) });
      run.mark(other, "Failed", "Step exceeded its deadline");
    }
  }
  return true;
}
