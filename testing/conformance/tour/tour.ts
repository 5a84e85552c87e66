// The scripted tour: what a user does with kubectl, on a whole Capstan with real pods.
import { tourAccess } from "./access.ts";
import { Kubectl, type Program } from "./kubectl.ts";
import { tourNodes } from "./nodes.ts";
import { tourPods } from "./pods.ts";
import { tourReading } from "./reading.ts";
import { tourGenerators, tourWorkloads } from "./workloads.ts";
import { tourWriting } from "./writing.ts";

export const topics: Readonly<Record<string, (kubectl: Kubectl) => Promise<void>>> = {
  reading: tourReading,
  writing: tourWriting,
  generators: tourGenerators,
  workloads: tourWorkloads,
  pods: tourPods,
  access: tourAccess,
};

/** What changes the node itself: nothing else may need it meanwhile. */
export const alone = { nodes: tourNodes };

/** Runs a part of the tour in a namespace of its own. */
export async function runTopic(
  program: Program,
  kubeconfig: string,
  name: string,
  tour: (kubectl: Kubectl) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const namespace = `${name}-${program.version.replace(".", "-").toLowerCase()}`;
  using kubectl = new Kubectl(program, kubeconfig, namespace, stop.signal);
  await kubectl.run(`create namespace ${namespace}`);
  await tour(kubectl);
  await kubectl.run(`delete namespace ${namespace} --wait=false`);
}
