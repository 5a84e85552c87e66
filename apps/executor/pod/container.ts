// The container that this process is, in a pod of any cluster, as the executor's programs know it inside the node agent.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Template } from "@capstan/api/kinds/workflow";
import { sharedPath } from "@capstan/api/kinds/workflow-pod";
import { openRegular } from "@capstan/core/artifacts";
import type { InProcessContainer } from "@capstan/core/runtime";
import { Ends } from "./ends.ts";
import { createPlaces, type MountPoint, readMounts } from "./places.ts";

export interface PodContainerOptions {
  args: string[];
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  print(text: string): void;
  /** Of the pod. */
  namespace: string;
  /** Default: /var/run/argo, and this process's mounts. */
  shared?: string;
  mounts?: MountPoint[];
}

export interface PodContainer extends Disposable {
  container: InProcessContainer;
}

/** @throws Error naming what the environment does not say. */
export async function openPodContainer(options: PodContainerOptions, template: Template): Promise<PodContainer> {
  const { args, env, signal, print, shared = sharedPath } = options;
  const name = env.ARGO_CONTAINER_NAME ?? args[0] ?? "";
  const mounts = options.mounts ?? (await readMounts());
  const ends = new Ends(shared);
  const container: InProcessContainer = {
    pod: podOf(options, name, template, mounts),
    name,
    command: [],
    args,
    env: Object.fromEntries(Object.entries(env).map(([key, value = ""]) => [key, value])),
    resolve: createPlaces(name, mounts, join(shared, "outputs")),
    waitFor: (of) => ends.of(of),
    started: async (of) => void (await readFile(ends.path(of, "started"))),
    kill: (of, what) => ends.kill(of, what),
    async *logs(of, stream) {
      await ends.of(of);
      yield* readKept(ends.path(of, stream === "stdout" ? "stdout" : "combined"), of);
    },
    print,
    signal,
  };
  return { container, [Symbol.dispose]: () => ends[Symbol.dispose]() };
}

/** A container that never ran, or whose words nobody wanted to be kept, has none. */
async function* readKept(path: string, name: string): AsyncGenerator<Uint8Array> {
  if (!existsSync(path)) return;
  await using file = await openRegular(path, `what ${name} printed`);
  yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>;
}

/** What the programs ask of their pod. Its own object is not theirs to read: the service account may only report. */
function podOf({ env, namespace }: PodContainerOptions, name: string, template: Template, mounts: MountPoint[]): Pod {
  const own = { name, volumeMounts: mounts.map(({ at }) => ({ name: at, mountPath: at })) };
  const mains = template.containerSet?.containers ?? [{ name: "main" }];
  const others = [...mains, ...(template.sidecars ?? [])].map((container) => ({ name: container.name }));
  const isInit = name === "init";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: env.ARGO_POD_NAME ?? "", namespace, uid: env.ARGO_POD_UID ?? "" },
    spec: {
      initContainers: isInit ? [own] : [],
      containers: isInit ? others : [own, ...others.filter((other) => other.name !== name)],
    },
  };
}
