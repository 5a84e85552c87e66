import type { EphemeralContainer, Pod } from "@capstan/api/generated/core-v1";
import { messageOf } from "@capstan/base/errors";
import { type ContainerConfig, type Mount, type PodSandbox, RuntimeError } from "@capstan/core/runtime";
import { containerConfig } from "../containers/config.ts";
import { ConfigError } from "../containers/security.ts";
import { serviceEnvironment } from "../containers/service-env.ts";
import type { PodPaths } from "../paths.ts";
import type { PodVolumes } from "../volumes/mounts.ts";
import type { NodeContext } from "./context.ts";
import { aboutContainer, longName } from "./events.ts";
import { formatDelay, type RetryDelays } from "./restart-delay.ts";
import type { PodRuns } from "./runs.ts";
import { type ContainerView, interrupted, restarts } from "./views.ts";

export interface StartOptions {
  context: NodeContext;
  pod: Pod;
  view: ContainerView;
  sandbox: PodSandbox;
  runs: PodRuns;
  delays: RetryDelays;
  volumes: PodVolumes;
  files: Mount[];
  paths: PodPaths;
  signal: AbortSignal;
}

/** Pause before what a container is made of is looked up again. A change of it wakes the pod earlier. */
const configRetryMs = 10_000;

/** Starts the next run of a container, or says why it waits. @returns when to try again, if there is a time for it. */
export async function startContainer(options: StartOptions): Promise<number | undefined> {
  const { context, pod, view, runs, signal } = options;
  const { name } = view.spec;
  const later = backOff(options);
  if (later !== undefined) return later;
  const problem = await context.puller.ensure(pod, view.spec, signal);
  if (problem) {
    runs.waiting.set(name, { reason: problem.reason, message: problem.message });
    return problem.retryAt;
  }
  const about = aboutContainer(pod, name);
  const fail = (reason: string, error: unknown, retryMs: number) => {
    const message = messageOf(error);
    context.recorder.warning(about, "Failed", `Error: ${message}`);
    runs.waiting.set(name, { reason, message });
    return Date.now() + retryMs;
  };
  let config: ContainerConfig;
  try {
    config = await configOf(options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return fail("CreateContainerConfigError", error, configRetryMs);
  }
  let id: string;
  try {
    id = await context.runtime.createContainer(options.sandbox.id, config);
  } catch (error) {
    const wrong = error instanceof RuntimeError && error.code === "InvalidArgument";
    return fail(wrong ? "CreateContainerConfigError" : "CreateContainerError", error, configRetryMs);
  }
  context.recorder.normal(about, "Created", `Created container: ${name}`);
  await runs.prune({ ...view, runs: [context.runtime.containerStatus(id), ...view.runs] });
  try {
    await context.devices.beforeStart(pod, name);
    await context.runtime.startContainer(id);
  } catch (error) {
    // It counts as a run that has failed: the next one waits as after any failure.
    const again = fail("RunContainerError", error, 0);
    const after = { ...view, runs: [context.runtime.containerStatus(id), ...view.runs] };
    if (!restarts(pod.spec?.restartPolicy, after)) runs.waiting.delete(name);
    return again;
  }
  context.recorder.normal(about, "Started", `Started container ${name}`);
  runs.waiting.delete(name);
  const going = await runs.postStart(pod, view, id, options.sandbox.ip || context.hostIP, signal);
  const ended = { ...view, runs: [context.runtime.containerStatus(id), ...view.runs] };
  if (!going && !signal.aborted && restarts(pod.spec?.restartPolicy, ended)) {
    runs.waiting.set(name, { reason: "PostStartHookError", message: "PostStartHook failed" });
  }
  return undefined;
}

/** When the next run may begin, if that is later than now. */
function backOff({ context, pod, view, runs, delays }: StartOptions): number | undefined {
  const [last] = view.runs;
  if (last?.state !== "exited" || interrupted(last)) return undefined;
  const { name } = view.spec;
  const delay = delays.delay(name);
  const at = (last.finishedAt?.getTime() ?? 0) + delay;
  if (at <= Date.now()) {
    const ran = (last.finishedAt?.getTime() ?? 0) - (last.startedAt?.getTime() ?? 0);
    delays.tried(name, ran);
    return undefined;
  }
  const message = `back-off ${formatDelay(delay)} restarting failed container=${name} pod=${longName(pod)}`;
  if (runs.waiting.get(name)?.reason !== "CrashLoopBackOff") {
    const text = `Back-off restarting failed container ${name} in pod ${longName(pod)}`;
    context.recorder.warning(aboutContainer(pod, name), "BackOff", text);
  }
  runs.waiting.set(name, { reason: "CrashLoopBackOff", message });
  return at;
}

async function configOf({
  context,
  pod,
  view,
  sandbox,
  volumes,
  files,
  paths,
}: StartOptions): Promise<ContainerConfig> {
  const { hostIP, allocatable, variables, pidsLimit } = context;
  const namespace = pod.metadata.namespace ?? "";
  return await containerConfig({
    pod,
    container: view.spec,
    addresses: { podIP: sandbox.ip || hostIP, hostIP },
    allocatable,
    devices: context.devices.grant(pod, view.spec.name),
    data: variables,
    services: serviceEnvironment(context.services(), namespace, pod.spec?.enableServiceLinks ?? true),
    attempt: (view.runs[0]?.config.attempt ?? -1) + 1,
    volumes,
    paths,
    files,
    pidsLimit,
    targetId: targetOf(context, pod, view, sandbox),
  });
}

/** The running container whose processes an ephemeral one asks to see. @throws ConfigError when it does not run */
function targetOf({ runtime }: NodeContext, pod: Pod, { spec, role }: ContainerView, sandbox: PodSandbox) {
  const { targetContainerName: name } = spec as EphemeralContainer;
  // Where the pod shares its processes, they are all there.
  if (role !== "ephemeral" || !name || pod.spec?.shareProcessNamespace || pod.spec?.hostPID) return undefined;
  const target = runtime
    .listContainers(sandbox.id)
    .find(({ config, state }) => config.name === name && state === "running");
  if (!target) throw new ConfigError(`unable to find target container ${name}`);
  return target.id;
}
