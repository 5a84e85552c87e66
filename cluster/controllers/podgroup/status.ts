import type { Pod } from "@capstan/api/generated/core-v1";
import type { PodGroup, VolcanoPodGroup } from "@capstan/api/kinds/pod-group";
import { formatTime } from "../context.ts";
import { setCondition } from "../status.ts";

interface Tally {
  scheduled: number;
  running: number;
  succeeded: number;
  failed: number;
}

function tally(pods: Pod[]): Tally {
  const inPhase = (phase: string) => pods.filter(({ status }) => status?.phase === phase).length;
  return {
    scheduled: pods.filter(({ spec }) => spec.nodeName).length,
    running: inPhase("Running"),
    succeeded: inPhase("Succeeded"),
    failed: inPhase("Failed"),
  };
}

/** Source: the pod group controller of the scheduler plugins. */
export function statusOf({ spec }: PodGroup, pods: Pod[]): NonNullable<PodGroup["status"]> {
  const minMember = spec?.minMember ?? 1;
  const counts = tally(pods);
  const { scheduled, running, succeeded, failed } = counts;
  const phase = () => {
    if (pods.length < minMember) return "Pending";
    if (succeeded >= minMember && running + failed === 0) return "Finished";
    if (failed > 0 && failed + running + succeeded >= minMember) return "Failed";
    if (running + succeeded >= minMember) return "Running";
    return scheduled >= minMember ? "Scheduled" : "Scheduling";
  };
  return { phase: phase(), ...counts };
}

/** Source: JobInfo and the gang plugin of Volcano. */
export function volcanoStatusOf(
  { spec, status }: VolcanoPodGroup,
  pods: Pod[],
  now: number,
): NonNullable<VolcanoPodGroup["status"]> {
  const minMember = spec?.minMember ?? 1;
  const { scheduled, running, succeeded, failed } = tally(pods);
  const phase = () => {
    if (pods.length > 0 && succeeded === pods.length && succeeded >= minMember) return "Completed";
    if (scheduled >= minMember) return "Running";
    if (scheduled > 0) return "Unknown";
    return pods.length >= minMember ? "Inqueue" : "Pending";
  };
  const ready = scheduled >= minMember;
  const type = ready ? "Scheduled" : "Unschedulable";
  const same = status?.conditions?.filter((condition) => condition.type === type);
  const condition = {
    type,
    status: "True",
    reason: ready ? "tasks in gang are ready to be scheduled" : "NotEnoughResources",
    message: ready ? "" : `${minMember - scheduled}/${pods.length} tasks in gang unschedulable`,
    lastTransitionTime: formatTime(now),
  };
  return { phase: phase(), running, succeeded, failed, conditions: setCondition(same, condition) };
}
