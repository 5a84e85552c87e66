import { lstat } from "node:fs/promises";
import { posix } from "node:path";
import { type Artifact, type ArtifactLocation, locationKey, storeOf, withKey } from "@capstan/api/kinds/workflow";
import { contentDigest, saveArtifact, saveSource } from "@capstan/core/artifacts";
import { openResources } from "../resources.ts";
import type { Step } from "../step.ts";

/** Keeps the artifacts that the step made. @param complete false after a failure: what is missing is left out. */
export async function saveArtifacts(step: Step, main: string, complete: boolean): Promise<Artifact[]> {
  const saved: Artifact[] = [];
  for (const artifact of step.template.outputs?.artifacts ?? []) {
    const { path, from: _, ...rest } = artifact;
    if (!path) continue;
    const host = step.container.resolve(main, path);
    if (!(await exists(host))) {
      if (complete && !artifact.optional) throw new Error(`output artifact ${artifact.name}: there is no ${path}`);
      continue;
    }
    const name = posix.basename(posix.normalize(path)) || artifact.name;
    const place = placeOf(step, artifact, name);
    try {
      const packed = { ...place, ...(artifact.archive ? { archive: artifact.archive } : {}) };
      await saveArtifact(packed, host, name, openResources(step), step.container.signal);
    } catch (error) {
      throw new Error(`output artifact ${artifact.name}: ${(error as Error).message}`, { cause: error });
    }
    step.container.print(`kept artifact ${artifact.name} as ${locationKey(place)}`);
    saved.push({ ...rest, path, ...place, digest: await contentDigest(host) });
  }
  return saved;
}

async function exists(host: string): Promise<boolean> {
  try {
    await lstat(host);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/** The artifact's own place, else one below the step's, named by how it is packed. */
function placeOf({ template }: Step, artifact: Artifact, name: string): ArtifactLocation {
  const store = storeOf(artifact);
  const own = store && { [store]: artifact[store] };
  if (own && locationKey(own)) return own;
  const base = template.archiveLocation && locationKey(template.archiveLocation);
  if (!base) throw new Error(`output artifact ${artifact.name}: the template says no repository`);
  const { archiveLogs: _, ...step } = template.archiveLocation as ArtifactLocation;
  const last = artifact.archive?.none ? name : `${artifact.name}${artifact.archive?.zip ? ".zip" : ".tgz"}`;
  return withKey(own ?? step, `${base}/${last}`);
}

/** Keeps a container's logs, without timestamps. */
export async function saveLogs(step: Step, name: string): Promise<Artifact | undefined> {
  const { archiveLogs, ...place } = step.template.archiveLocation ?? {};
  if (!archiveLogs || !locationKey(place)) return undefined;
  const at = withKey(place, `${locationKey(place)}/${name}.log`);
  const { container } = step;
  await saveSource(at, { bytes: () => container.logs(name) }, openResources(step), container.signal);
  return { name: `${name}-logs`, ...at };
}
