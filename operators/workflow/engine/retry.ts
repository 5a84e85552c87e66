// retryStrategy: a Retry node, and one node below it for each attempt.
import type { NodeStatus, RetryStrategy } from "@capstan/api/kinds/workflow";
import { ExpressionError, evaluateCondition, parseDuration } from "../expressions/index.ts";
import { attemptsOf } from "./outbound.ts";
import { hasFailed, isOver } from "./phase.ts";
import type { Run } from "./run.ts";
import { Scope } from "./scope.ts";

/** Whole seconds of a node. */
const secondsOf = ({ startedAt, finishedAt }: NodeStatus): number =>
  startedAt && finishedAt ? Math.max(0, Math.round((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)) : 0;

/** `retries` and `lastRetry.*`, as texts. */
export function addRetryNames(scope: Scope, attempt: number, last: NodeStatus | undefined, noCode: string): void {
  scope.set("retries", String(attempt));
  scope.set("lastRetry.exitCode", last?.outputs?.exitCode ?? noCode);
  scope.set("lastRetry.status", last?.phase ?? "");
  scope.set("lastRetry.duration", String(last ? secondsOf(last) : 0));
  scope.set("lastRetry.message", last?.message ?? "");
}

/**
 * What comes next under a Retry node: `over` (it has its phase), `wait` for a back-off, or an attempt to start.
 * @throws ExpressionError for a strategy that cannot be read.
 */
export function nextAttempt(
  run: Run,
  node: NodeStatus,
  strategy: RetryStrategy,
): "over" | "wait" | { name: string; attempt: number; deadline?: number } {
  if (isOver(node)) return "over";
  const attempts = attemptsOf(run, node);
  const last = attempts.at(-1);
  if (!last) return { name: `${node.name}(0)`, attempt: 0, ...deadlineOf(strategy, run.world.now) };
  if (last.daemoned && !isOver(last)) {
    node.daemoned = true;
    run.ledger.daemons.add(node.id);
    run.mark(node, last.phase ?? "Running");
  }
  if (!isOver(last)) {
    const first = Date.parse(attempts[0]?.startedAt ?? "");
    return { name: last.name, attempt: attempts.length - 1, ...deadlineOf(strategy, first) };
  }
  if (!hasFailed(last)) {
    if (last.outputs) node.outputs = last.outputs;
    delete node.daemoned;
    run.mark(node, "Succeeded");
    return "over";
  }
  const stop = stopReason(run, last, attempts, strategy);
  if (stop !== undefined) {
    if (last.outputs) node.outputs = last.outputs;
    run.mark(node, last.phase ?? "Failed", stop);
    return "over";
  }
  return backOff(run, node, attempts, last, strategy);
}

function deadlineOf({ backoff }: RetryStrategy, from: number): { deadline?: number } {
  return backoff?.maxDuration ? { deadline: from + parseDuration(backoff.maxDuration) } : {};
}

/** Why there is no further attempt; undefined when there is one. */
function stopReason(run: Run, last: NodeStatus, attempts: NodeStatus[], strategy: RetryStrategy): string | undefined {
  if (run.shutdown) return `Stopped with strategy '${run.shutdown}'`;
  if (run.pastDeadline) return "retry exceeded workflow deadline";
  const policy = strategy.retryPolicy || (strategy.expression ? "Always" : "OnFailure");
  const passing = isPassing(last.message ?? "");
  const retried =
    policy === "Always" ||
    (policy === "OnError" && last.phase === "Error") ||
    (policy === "OnFailure" && last.phase === "Failed") ||
    (policy === "OnTransientError" && passing);
  if (!retried) return last.message ?? "";
  const limit = strategy.limit === undefined || strategy.limit === "" ? undefined : Number(strategy.limit);
  if (limit !== undefined && !Number.isInteger(limit)) {
    throw new ExpressionError(`retryStrategy.limit is ${JSON.stringify(strategy.limit)}, not a whole number`);
  }
  if (limit !== undefined && attempts.length > limit) return "No more retries left";
  if (strategy.expression) {
    const scope = new Scope(run.globals);
    addRetryNames(scope, attempts.length - 1, last, "-1");
    if (!evaluateCondition(strategy.expression, scope.environment()))
      return "retryStrategy.expression evaluated to false";
  }
  return undefined;
}

function isPassing(message: string): boolean {
  return /exceeded quota|timeout|timed out|connection (?:refused|reset)|too many requests|temporarily|transient/i.test(
    message,
  );
}

function backOff(run: Run, node: NodeStatus, attempts: NodeStatus[], last: NodeStatus, strategy: RetryStrategy) {
  const next = { name: `${node.name}(${attempts.length})`, attempt: attempts.length };
  const { backoff } = strategy;
  if (!backoff) return next;
  if (!backoff.duration) throw new ExpressionError("retryStrategy.backoff.duration is required");
  const factor = Number(backoff.factor ?? 0);
  let wait = parseDuration(backoff.duration);
  if (factor > 0) wait *= factor ** (attempts.length - 1);
  if (backoff.cap) wait = Math.min(wait, parseDuration(backoff.cap));
  const until = Date.parse(last.finishedAt ?? run.now) + wait;
  const { deadline } = deadlineOf(strategy, Date.parse(attempts[0]?.startedAt ?? run.now));
  if (deadline !== undefined && (run.world.now > deadline || until > deadline)) {
    const message =
      run.world.now > deadline ? "Max duration limit exceeded" : "Backoff would exceed max duration limit";
    if (last.outputs) node.outputs = last.outputs;
    run.mark(node, last.phase ?? "Failed", message);
    return "over" as const;
  }
  if (run.world.now < until) {
    run.wakeAt(until, node);
    run.mark(node, node.phase ?? "Running", `Backoff for ${Math.round(wait / 1000)} seconds`);
    return "wait" as const;
  }
  run.mark(node, node.phase ?? "Running", "");
  return { ...next, ...(deadline === undefined ? {} : { deadline }) };
}
