// The container `init`: stages the script, loads the input artifacts.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { VolumeMount } from "@capstan/api/generated/core-v1";
import { type Artifact, storeOf } from "@capstan/api/kinds/workflow";
import { mainRoot, scriptPath } from "@capstan/api/kinds/workflow-pod";
import { load } from "./load.ts";
import type { Step } from "./step.ts";

export async function runInit(step: Step): Promise<number> {
  const { container, template } = step;
  if (template.script) {
    const host = container.resolve(container.name, scriptPath);
    await mkdir(dirname(host), { recursive: true });
    await writeFile(host, template.script.source);
    await chmod(host, 0o755);
  }
  for (const artifact of template.inputs?.artifacts ?? []) {
    if (!storeOf(artifact)) continue;
    const there = await load(step, artifact, container.resolve(container.name, placeOf(step, artifact)));
    container.print(there ? `loaded artifact ${artifact.name}` : `optional artifact ${artifact.name} is not there`);
  }
  return 0;
}

/** Inside of main's own volume where one lies over the path, else on the volume that main mounts there. */
function placeOf({ container }: Step, { name, path = "" }: Artifact): string {
  const spec = container.pod.spec?.initContainers?.find((candidate) => candidate.name === container.name);
  const covers = ({ mountPath }: VolumeMount) =>
    mountPath.startsWith(`${mainRoot}/`) && `${mainRoot}${path}/`.startsWith(`${mountPath.replace(/\/+$/, "")}/`);
  return spec?.volumeMounts?.some(covers) ? `${mainRoot}${path}` : `/argo/inputs/artifacts/${name}`;
}
