import { lstat } from "node:fs/promises";
import { posix } from "node:path";
import { createGzip } from "node:zlib";
import type { Artifact } from "@capstan/api/kinds/workflow";
import { tarOf, zipOf } from "../archive/index.ts";
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
    const key = keyOf(step, artifact, path);
    await save(step, artifact, key, host, posix.basename(posix.normalize(path)) || artifact.name);
    step.container.print(`kept artifact ${artifact.name} as ${key}`);
    saved.push({ ...rest, path, file: { key } });
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

/** The artifact's own key, else one below the step's, named by how it is packed. */
function keyOf({ template }: Step, artifact: Artifact, path: string): string {
  if (artifact.file?.key) return artifact.file.key;
  const base = template.archiveLocation?.file?.key;
  if (!base) throw new Error(`output artifact ${artifact.name}: the template says no repository`);
  const name = artifact.archive?.none
    ? posix.basename(posix.normalize(path)) || artifact.name
    : `${artifact.name}${artifact.archive?.zip ? ".zip" : ".tgz"}`;
  return `${base}/${name}`;
}

async function save(
  { repository, namespace }: Step,
  { archive }: Artifact,
  key: string,
  host: string,
  name: string,
): Promise<void> {
  if (archive?.none) await repository.putTree(namespace, key, host);
  else if (archive?.zip) await repository.putStream(namespace, key, zipOf(host, name));
  else {
    const level = archive?.tar?.compressionLevel;
    const bytes = tarOf(host, name);
    // Level 0 is a plain tar.
    if (level === 0) await repository.putStream(namespace, key, bytes);
    else await repository.putStream(namespace, key, bytes, createGzip(level === undefined ? {} : { level }));
  }
}

/** Keeps a container's logs, without timestamps. */
export async function saveLogs(
  { container, repository, namespace, template }: Step,
  name: string,
): Promise<Artifact | undefined> {
  const base = template.archiveLocation?.file?.key;
  if (!template.archiveLocation?.archiveLogs || !base) return undefined;
  const key = `${base}/${name}.log`;
  await repository.putStream(namespace, key, container.logs(name));
  return { name: `${name}-logs`, file: { key } };
}
