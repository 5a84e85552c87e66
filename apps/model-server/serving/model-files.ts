// Where a model's files are: `<base>/<number>/model.onnx` for each version, or `<base>/model.onnx` alone.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { modelFile, signatureFile } from "@capstan/api/kinds/model-signature";

export interface ModelFiles {
  version: number;
  directory: string;
  /** The graph. */
  path: string;
  /** Changes when the graph or its signature document does. */
  fingerprint: string;
}

/**
 * Versions found, oldest first; a base without numbered directories is version 1 itself.
 * Directories that hold no graph yet are left out.
 */
export async function findVersions(base: string): Promise<ModelFiles[]> {
  const entries = await readdir(base, { withFileTypes: true });
  const numbers = entries
    .filter((entry) => /^\d{1,15}$/.test(entry.name) && !entry.isFile())
    .map((entry) => entry.name);
  const candidates =
    numbers.length > 0 ? numbers.map((name) => ({ version: Number(name), name })) : [{ version: 1, name: "." }];
  const found = await Promise.all(
    candidates.map(async ({ version, name }): Promise<ModelFiles | undefined> => {
      const directory = join(base, name);
      const path = await graphIn(directory);
      return path ? { version, directory, path, fingerprint: await fingerprint(directory, path) } : undefined;
    }),
  );
  return found.filter((files) => files !== undefined).sort((a, b) => a.version - b.version);
}

/** `model.onnx`, or the only file that ends in `.onnx`. */
async function graphIn(directory: string): Promise<string | undefined> {
  const names = (await readdir(directory).catch(absentIsEmpty)).filter((name) => name.endsWith(".onnx"));
  const name = names.includes(modelFile) ? modelFile : names.length === 1 ? names[0] : undefined;
  return name === undefined ? undefined : join(directory, name);
}

function absentIsEmpty(error: unknown): string[] {
  if (isAbsent(error)) return [];
  throw error;
}

async function fingerprint(directory: string, path: string): Promise<string> {
  const parts = await Promise.all([path, join(directory, signatureFile)].map(stamp));
  return parts.join(" ");
}

async function stamp(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    if (isAbsent(error)) return "-";
    throw error;
  }
}

/** The signature document's text, undefined when there is none. */
export async function readSignature({ directory }: ModelFiles): Promise<string | undefined> {
  try {
    return await readFile(join(directory, signatureFile), "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
