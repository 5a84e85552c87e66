// Source: upstream's Validate…Status of pkg/apis/apps/validation.
import type { FieldErrors } from "../field-errors.ts";
import { checkNotNegative } from "./values.ts";

type Counts = Record<string, unknown>;

/** @param names counts of pods in the order that they are looked at; those of `bounded` are no more than replicas. */
export function checkReplicaStatus(
  status: object | undefined,
  names: readonly string[],
  bounded: readonly string[],
  readyName: string,
  errors: FieldErrors,
): void {
  const counts = (status ?? {}) as Counts;
  const count = (name: string) => Number(counts[name] ?? 0);
  for (const name of names) checkNotNegative(count(name), `status.${name}`, errors);
  for (const name of bounded) {
    if (count(name) > count("replicas")) {
      errors.invalid(`status.${name}`, count(name), "cannot be greater than status.replicas");
    }
  }
  if (count("availableReplicas") > count("readyReplicas")) {
    errors.invalid("status.availableReplicas", count("availableReplicas"), `cannot be greater than ${readyName}`);
  }
}

export function checkDeploymentStatus({ status }: { status?: object }, errors: FieldErrors): void {
  const bounded = ["updatedReplicas", "readyReplicas", "availableReplicas"];
  const more = ["unavailableReplicas", "terminatingReplicas", "collisionCount"];
  checkReplicaStatus(status, ["observedGeneration", "replicas", ...bounded, ...more], bounded, "readyReplicas", errors);
}

export function checkReplicaSetStatus({ status }: { status?: object }, errors: FieldErrors): void {
  const bounded = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
  const all = ["replicas", ...bounded, "observedGeneration", "terminatingReplicas"];
  checkReplicaStatus(status, all, bounded, "readyReplicas", errors);
}

export function checkStatefulSetStatus({ status }: { status?: object }, errors: FieldErrors): void {
  const bounded = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
  const all = ["replicas", ...bounded, "observedGeneration", "collisionCount"];
  checkReplicaStatus(status, all, bounded, "status.readyReplicas", errors);
}

const daemonCounts = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount",
];

export function checkDaemonSetStatus({ status }: { status?: object }, errors: FieldErrors): void {
  for (const name of daemonCounts) {
    checkNotNegative(Number((status as Counts | undefined)?.[name] ?? 0), `status.${name}`, errors);
  }
}
