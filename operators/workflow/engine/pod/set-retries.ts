// containerSet.retryStrategy: argoexec runs a container's command again in the same container.
// Source: argo-workflows docs/fields.md, ContainerSetRetryStrategy: retries do not count the first run.
import type { Template } from "@capstan/api/kinds/workflow";
import { type Retries, retriesLimit } from "@capstan/api/kinds/workflow-pod";
import { ExpressionError } from "../../expressions/index.ts";
import { readDuration } from "../../expressions/time/index.ts";

type Strategy = NonNullable<NonNullable<Template["containerSet"]>["retryStrategy"]>;

/** @throws ExpressionError naming the field. */
export function setRetries({ containerSet }: Template): Retries | undefined {
  const strategy = containerSet?.retryStrategy;
  if (!strategy) return undefined;
  for (const [field, problem] of problemsOf(strategy))
    throw new ExpressionError(`containerSet.retryStrategy.${field} ${problem}`);
  const times = Number(strategy.retries);
  return times > 0 ? { times, pauseMs: pauseOf(strategy.duration) ?? 0 } : undefined;
}

/** What is wrong with it, by field. */
export function problemsOf({ retries, duration }: Strategy): [keyof Strategy, string][] {
  const problems: [keyof Strategy, string][] = [];
  if (!/^\d+$/.test(String(retries))) problems.push(["retries", `is ${JSON.stringify(retries)}, not a whole number`]);
  else if (Number(retries) > retriesLimit)
    problems.push(["retries", `is more than the limit retries = ${retriesLimit}`]);
  const pause = pauseOf(duration);
  if (pause === undefined || pause < 0)
    problems.push(["duration", `is ${JSON.stringify(duration)}, not a duration such as 300ms, 30s or 1h30m`]);
  else if (pause > retriesLimit) problems.push(["duration", `is more than the limit duration = ${retriesLimit}ms`]);
  return problems;
}

/** Whole milliseconds; undefined for what is no duration of Go's. */
function pauseOf(duration: string | undefined): number | undefined {
  if (!duration) return 0;
  const nanoseconds = readDuration(duration);
  return nanoseconds === undefined ? undefined : Math.ceil(Number(nanoseconds) / 1e6);
}
