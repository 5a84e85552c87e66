import type { Job, PodFailurePolicyRule } from "@capstan/api/generated/batch-v1";
import type { Pod } from "@capstan/api/generated/core-v1";

/** What a Job's policy makes of a failed pod; no match counts as a failure. */
export interface Verdict {
  action: "FailJob" | "FailIndex" | "Ignore" | "Count";
  /** Why the Job fails; for FailJob. */
  message: string;
}

const counted: Verdict = { action: "Count", message: "" };

export function judgeFailure({ spec }: Job, pod: Pod): Verdict {
  if (pod.status?.phase !== "Failed") return counted;
  for (const [index, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const why = matchExitCode(rule, pod) ?? matchCondition(rule, pod);
    if (!why) continue;
    const action = rule.action as Verdict["action"];
    return { action, message: `${why} matching ${rule.action} rule at index ${index}` };
  }
  return counted;
}

function matchExitCode({ onExitCodes }: PodFailurePolicyRule, pod: Pod): string | undefined {
  if (!onExitCodes) return undefined;
  const { containerName, operator, values } = onExitCodes;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const { name, state } of statuses) {
    const code = state?.terminated?.exitCode;
    if (code === undefined || code === 0 || (containerName && containerName !== name)) continue;
    if (values.includes(code) !== (operator === "In")) continue;
    const { namespace, name: podName } = pod.metadata;
    return `Container ${name} for pod ${namespace}/${podName} failed with exit code ${code}`;
  }
  return undefined;
}

function matchCondition({ onPodConditions = [] }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const found = onPodConditions.find(({ type, status = "True" }) => {
    return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === status);
  });
  return found && `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${found.type}`;
}
