import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyPair } from "./certificate.ts";

/** The file's text, or undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a secret that only its owner can read: whole or not at all, also after a crash. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, text, { mode: 0o600, flush: true });
  await rename(fresh, path);
}

/** `NAME.crt` and `NAME.key`, when both are there. */
export async function readPair(directory: string, name: string): Promise<KeyPair | undefined> {
  const [cert, key] = await Promise.all([
    readIfPresent(join(directory, `${name}.crt`)),
    readIfPresent(join(directory, `${name}.key`)),
  ]);
  return cert !== undefined && key !== undefined ? { cert, key } : undefined;
}

/** The key goes first: a certificate whose key never came would look whole. */
export async function writePair(directory: string, name: string, pair: KeyPair): Promise<void> {
  await writeSecret(join(directory, `${name}.key`), pair.key);
  await writeSecret(join(directory, `${name}.crt`), pair.cert);
}
