import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Workflow } from "@capstan/api/kinds/workflow";

export interface Kept {
  step: string;
  artifact: string;
  path: string;
}

/** Copies the artifacts that steps have made to DIR/STEP/, as they are stored. @param root directory of the namespace's artifacts */
export async function keepArtifacts({ status }: Workflow, root: string, directory: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const node of Object.values(status?.nodes ?? {})) {
    if (node.type !== "Pod") continue;
    const step = node.displayName ?? node.name;
    for (const { name, file } of node.outputs?.artifacts ?? []) {
      const from = join(root, file?.key ?? "");
      if (!file?.key || !existsSync(from)) continue;
      const below = join(directory, step.replace(/[^\w.()-]+/g, "_"));
      await mkdir(below, { recursive: true });
      const path = join(below, basename(file.key));
      await cp(from, path, { recursive: true });
      kept.push({ step, artifact: name, path });
    }
  }
  return kept;
}
