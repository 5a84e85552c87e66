// The status of a pod: a pure function of its spec and of what its containers do. Reasons and words as the kubelet's.
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from "@capstan/api/generated/core-v1";
import type { ContainerStatus as Run } from "@capstan/core/runtime";
import { qosOf } from "../containers/resources.ts";
import { type ContainerView, restarts } from "./views.ts";

export interface PodFacts {
  hostIP: string;
  podIP: string;
  /** RFC 3339. */
  startTime: string;
  now: string;
  sandboxReady: boolean;
  /** All containers have ended and none will start again. */
  outcome?: "Succeeded" | "Failed";
  /** Why the pod itself has failed, such as DeadlineExceeded. */
  failure?: { reason: string; message: string };
  /** The node itself ends the pod: the condition DisruptionTarget. */
  disruption?: { reason: string; message: string };
}

const time = (date: Date | undefined) => (date ? date.toISOString().replace(/\.\d+Z$/, "Z") : undefined);

export function podStatus(pod: Pod, views: ContainerView[], facts: PodFacts): PodStatus {
  const initial = (pod.spec?.initContainers ?? []).length > 0 ? "PodInitializing" : "ContainerCreating";
  const statuses = new Map(views.map((view) => [view.spec.name, containerStatus(view, initial)]));
  // Of a pod that the node has not taken no container waits for anything: its reason is what users see.
  const shown = facts.failure && views.every(({ runs }) => runs.length === 0) ? [] : views;
  const of = (...roles: string[]) =>
    shown.filter(({ role }) => roles.includes(role)).map(({ spec }) => statuses.get(spec.name) as ContainerStatus);
  const phase = facts.failure ? "Failed" : (facts.outcome ?? phaseOf(pod, views, statuses));
  const init = of("init", "sidecar");
  const ephemeral = of("ephemeral");
  const main = of("main");
  return {
    phase,
    ...(facts.failure ?? {}),
    conditions: conditionsOf(pod, views, statuses, phase, facts),
    hostIP: facts.hostIP,
    hostIPs: [{ ip: facts.hostIP }],
    ...(facts.podIP ? { podIP: facts.podIP, podIPs: [{ ip: facts.podIP }] } : {}),
    startTime: facts.startTime,
    qosClass: qosOf(pod),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    ...(main.length > 0 ? { containerStatuses: main } : {}),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

export const containerIdOf = ({ id, runtime = "capstan" }: Run) => `${runtime}://${id}`;

function containerStatus(view: ContainerView, initial: string): ContainerStatus {
  const { spec, runs, waiting, role, messages } = view;
  const [run, previous] = runs;
  const running = run?.state === "running";
  const status: ContainerStatus = {
    name: spec.name,
    image: spec.image ?? "",
    imageID: run?.imageRef ?? run?.imageId ?? "",
    restartCount: run?.config.attempt ?? 0,
    ready: running ? view.started && view.ready : role === "init" && run?.exitCode === 0,
    started: running && view.started,
    state: {},
    lastState: {},
    ...mountsOf(spec),
  };
  if (run) status.containerID = containerIdOf(run);
  if (run?.state === "exited" && waiting) {
    status.state = { waiting };
    status.lastState = terminated(run, messages);
  } else {
    status.state = stateOf(run, waiting ?? { reason: initial }, messages);
    if (previous?.state === "exited") status.lastState = terminated(previous, messages);
  }
  return status;
}

/** Read-only mounts bind what is mounted below them as it is. */
function mountsOf({ volumeMounts = [] }: Container): Pick<ContainerStatus, "volumeMounts"> {
  if (volumeMounts.length === 0) return {};
  return {
    volumeMounts: volumeMounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly, recursiveReadOnly: "Disabled" } : {}),
    })),
  };
}

function stateOf(
  run: Run | undefined,
  waiting: { reason: string; message?: string },
  messages: ReadonlyMap<string, string>,
): ContainerState {
  if (run?.state === "running") return { running: { startedAt: time(run.startedAt) as string } };
  if (run?.state === "exited") return terminated(run, messages);
  return { waiting };
}

function terminated(run: Run, messages: ReadonlyMap<string, string>): ContainerState {
  const message = messages.get(run.id) || run.message;
  const state = {
    exitCode: run.exitCode ?? 0,
    reason: run.reason ?? "Error",
    ...(message ? { message } : {}),
    startedAt: time(run.startedAt),
    finishedAt: time(run.finishedAt),
    containerID: containerIdOf(run),
  };
  return { terminated: state as NonNullable<ContainerState["terminated"]> };
}

/** Source: k8s.io/kubernetes pkg/kubelet getPhase. */
function phaseOf(pod: Pod, views: ContainerView[], statuses: Map<string, ContainerStatus>): string {
  const policy = pod.spec?.restartPolicy ?? "Always";
  for (const view of views.filter(({ role }) => role === "init")) {
    const state = statuses.get(view.spec.name)?.state;
    if (state?.terminated?.exitCode === 0) continue;
    if (state?.terminated && !restarts(policy, view)) return "Failed";
    // Once a main container has run, the init containers' records may be those of an earlier sandbox.
    if (!views.some((one) => one.role === "main" && one.runs.length > 0)) return "Pending";
  }
  for (const view of views.filter(({ role }) => role === "sidecar")) {
    if (!view.started && !views.some((one) => one.role === "main" && one.runs.length > 0)) return "Pending";
  }
  const mains = views.filter(({ role }) => role === "main");
  const never = mains.filter((view) => view.runs.length === 0 || view.runs[0]?.state === "created");
  if (never.length > 0) return "Pending";
  if (mains.some((view) => view.runs[0]?.state === "running")) return "Running";
  if (mains.some((view) => restarts(policy, view))) return "Running";
  if (views.some((view) => view.role === "sidecar" && view.runs[0]?.state === "running")) return "Running";
  return mains.every((view) => view.runs[0]?.exitCode === 0) ? "Succeeded" : "Failed";
}

function conditionsOf(
  pod: Pod,
  views: ContainerView[],
  statuses: Map<string, ContainerStatus>,
  phase: string,
  facts: PodFacts,
): PodCondition[] {
  const old = new Map((pod.status?.conditions ?? []).map((condition) => [condition.type, condition]));
  const condition = (type: string, problem: { reason?: string; message?: string } | undefined): PodCondition => {
    const status = problem ? "False" : "True";
    const before = old.get(type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : facts.now;
    // Absent words are written as null, so that a merge takes the old ones away.
    const words = { reason: problem?.reason ?? null, message: problem?.message ?? null } as unknown as PodCondition;
    return { ...words, type, status, lastProbeTime: null, lastTransitionTime } as unknown as PodCondition;
  };
  const unready = listed(views, ["main", "sidecar"], (view) => statuses.get(view.spec.name)?.ready !== true);
  const containers = problemOf(phase, unready, "ContainersNotReady", "unready");
  const gates = (pod.spec?.readinessGates ?? []).filter((gate) => old.get(gate.conditionType)?.status !== "True");
  const gate =
    gates.length === 0
      ? undefined
      : {
          reason: "ReadinessGatesNotReady",
          message: gates
            .map(({ conditionType }) =>
              old.has(conditionType)
                ? `the status of pod readiness gate "${conditionType}" is not "True", but ${old.get(conditionType)?.status}`
                : `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
            )
            .join(", "),
        };
  const begun = views.some((view) => view.role === "main" && view.runs.length > 0);
  const incomplete = begun ? [] : listed(views, ["init", "sidecar"], (view) => !complete(view));
  const initialized = phase === "Succeeded" ? { reason: "PodCompleted" } : undefined;
  return [
    condition("PodReadyToStartContainers", facts.sandboxReady ? undefined : {}),
    initialized
      ? { ...condition("Initialized", undefined), reason: initialized.reason }
      : condition("Initialized", problemOf("", incomplete, "ContainersNotInitialized", "incomplete")),
    condition("Ready", containers ?? gate),
    condition("ContainersReady", containers),
    condition("PodScheduled", undefined),
    ...(facts.disruption ? [{ ...condition("DisruptionTarget", undefined), ...facts.disruption }] : []),
  ];
}

function complete(view: ContainerView): boolean {
  return view.role === "sidecar" ? view.started : view.runs[0]?.exitCode === 0;
}

function listed(views: ContainerView[], roles: string[], wrong: (view: ContainerView) => boolean): string[] {
  return views.filter((view) => roles.includes(view.role) && wrong(view)).map(({ spec }) => spec.name);
}

function problemOf(phase: string, names: string[], reason: string, word: string) {
  if (phase === "Succeeded") return { reason: "PodCompleted" };
  if (phase === "Failed") return { reason: "PodFailed" };
  if (names.length === 0) return undefined;
  return { reason, message: `containers with ${word} status: [${names.join(" ")}]` };
}
