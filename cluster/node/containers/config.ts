import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "@capstan/api/generated/core-v1";
import type { ContainerConfig, Mount } from "@capstan/core/runtime";
import type { Grant } from "../devices/plugin.ts";
import type { PodPaths } from "../paths.ts";
import { mountsOf, type PodVolumes } from "../volumes/mounts.ts";
import { type EnvironmentOptions, makeEnvironment } from "./environment.ts";
import { expand } from "./expand.ts";
import { limitsOf } from "./resources.ts";
import { ConfigError, securityOf } from "./security.ts";

export interface ContainerPlan extends EnvironmentOptions {
  attempt: number;
  volumes: PodVolumes;
  paths: PodPaths;
  /** Files of the pod that every container sees: hosts, resolv.conf, hostname. */
  files: Mount[];
  pidsLimit: number;
  /** The container that an ephemeral one looks at. */
  targetId?: string | undefined;
  devices: Grant;
}

/** All that the runtime needs to know. @throws ConfigError */
export async function containerConfig(plan: ContainerPlan): Promise<ContainerConfig> {
  const { pod, container, attempt, paths, devices } = plan;
  try {
    const own = await makeEnvironment(plan);
    const env = [...devices.env.filter(({ name }) => !own.some((each) => each.name === name)), ...own];
    const values = new Map(env.map(({ name, value }) => [name, value]));
    const word = (text: string) => expand(text, (name) => values.get(name));
    return {
      name: container.name,
      attempt,
      image: container.image ?? "",
      ...(container.command?.length ? { command: container.command.map(word) } : {}),
      ...(container.args?.length ? { args: container.args.map(word) } : {}),
      ...(container.workingDir ? { workingDir: container.workingDir } : {}),
      env,
      mounts: [
        ...plan.files,
        ...devices.mounts,
        ...mountsOf(container, plan.volumes, word),
        terminationFile(container, paths, attempt),
      ],
      labels: { "io.kubernetes.pod.uid": pod.metadata.uid ?? "", "io.kubernetes.container.name": container.name },
      logPath: paths.log(container.name, attempt),
      ...(plan.targetId ? { targetId: plan.targetId } : {}),
      stdin: container.stdin ?? false,
      stdinOnce: container.stdinOnce ?? false,
      tty: container.tty ?? false,
      graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
      resources: limitsOf(pod, container, plan.allocatable.memory, plan.pidsLimit),
      security: securityOf(pod, container, paths.profiles),
    };
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError((error as Error).message, { cause: error });
  }
}

export const terminationPath = (container: Container) => container.terminationMessagePath || "/dev/termination-log";

function terminationFile(container: Container, paths: PodPaths, attempt: number): Mount {
  const directory = paths.container(container.name);
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  const hostPath = join(directory, `termination-${attempt}`);
  if (!existsSync(hostPath)) {
    writeFileSync(hostPath, "");
    // Whatever user the container runs as, and whatever this process's umask is.
    chmodSync(hostPath, 0o666);
  }
  return { hostPath, containerPath: terminationPath(container) };
}
