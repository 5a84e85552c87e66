// Brings an artifact to where a container finds it.
import { type Artifact, locationKey } from "@capstan/api/kinds/workflow";
import { loadArtifact, setMode } from "@capstan/core/artifacts";
import { openResources } from "./resources.ts";
import type { Step } from "./step.ts";

/**
 * Puts an artifact at a host path, unpacked when it is an archive.
 * @returns false when it is optional and not there.
 */
export async function load(step: Step, artifact: Artifact, host: string): Promise<boolean> {
  try {
    const { signal } = step.container;
    if (!(await loadArtifact(artifact, host, openResources(step), signal))) {
      if (artifact.optional) return false;
      throw new Error(`the store has nothing at ${locationKey(artifact)}`);
    }
  } catch (error) {
    throw new Error(`artifact ${artifact.name}: ${(error as Error).message}`, { cause: error });
  }
  if (artifact.mode !== undefined) await setMode(host, artifact.mode, artifact.recurseMode === true);
  return true;
}
