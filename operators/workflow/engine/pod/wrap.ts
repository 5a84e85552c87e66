// The step's own containers are run by argoexec: it hands signals on, keeps what they leave, and tells `wait` of their end.
import type { Container } from "@capstan/api/generated/core-v1";
import type { Template } from "@capstan/api/kinds/workflow";
import { mainRoot, wrapCommand } from "@capstan/api/kinds/workflow-pod";
import { isExecutorsOwn } from "../templates.ts";
import type { PodOptions } from "./build.ts";
import { setRetries } from "./set-retries.ts";
import { executorMount, mirrored, mountOver } from "./volumes.ts";

/** @param main the container whose files are the template's outputs. */
export function wrapMain(template: Template, container: Container, main: Container, options: PodOptions): Container {
  if (isExecutorsOwn(template)) return container;
  const isMain = container.name === main.name;
  const logs = template.archiveLocation?.archiveLogs === true;
  const set = template.containerSet?.containers.find(({ name }) => name === container.name);
  const command = wrapCommand(container.command ?? [], {
    name: container.name,
    capture: logs || (isMain && options.includeResult),
    saves: isMain ? savedPaths(template, main) : [],
    after: set?.dependencies ?? [],
    retries: setRetries(template),
  });
  return { ...container, command };
}

export function wrapSidecar(container: Container): Container {
  const command = wrapCommand(container.command ?? [], { name: container.name });
  const mounts = container.volumeMounts ?? [];
  // One that mirrors main's mounts has it already.
  const has = mounts.some(({ mountPath }) => mountPath === executorMount.mountPath);
  return { ...container, command, volumeMounts: has ? mounts : [...mounts, executorMount] };
}

/** Outputs on main's own root: those on its volumes are read there. None lies in another. */
function savedPaths({ outputs }: Template, main: Container): string[] {
  const paths = [
    ...(outputs?.parameters ?? []).map(({ valueFrom }) => valueFrom?.path),
    ...(outputs?.artifacts ?? []).map(({ path }) => path),
  ];
  const volumes = mirrored(main).map((mount) => ({ ...mount, mountPath: mount.mountPath.slice(mainRoot.length) }));
  const own = [...new Set(paths.filter((path) => path !== undefined && !mountOver(path, volumes)))] as string[];
  return own.filter((path) => !own.some((other) => other !== path && `${path}/`.startsWith(`${other}/`)));
}
