import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The key of the console's sessions: made on the first start, kept in the data directory, readable by its owner alone. */
export async function loadConsoleSecret(dataDir: string): Promise<Uint8Array> {
  const file = join(dataDir, "console-secret");
  const present = await readIfThere(file);
  if (present) return present;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, randomBytes(32), { mode: 0o600 });
  try {
    // A link never replaces: of two starts at once one wins and both read the winner's.
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file);
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
