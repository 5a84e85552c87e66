// One-time logins: a directory of hashes, one file a login, so that taking one is one atomic unlink.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A day: long enough to find the line in the terminal again, short enough for a forgotten one. */
const defaultLifetime = 24 * 3600_000;

export interface OneTimeLogin {
  /** 256 random bits: shown once, stored only as its hash. */
  token: string;
  /** Milliseconds since the epoch. */
  expires: number;
}

/** Writes a new login into the data directory; any console server on that directory takes it, once. */
export async function createOneTimeLogin(dataDir: string, lifetime = defaultLifetime): Promise<OneTimeLogin> {
  const directory = directoryOf(dataDir);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeExpired(directory);
  const login = { token: randomBytes(32).toString("base64url"), expires: Date.now() + lifetime };
  await writeFile(join(directory, hashOf(login.token)), String(login.expires), { mode: 0o600, flag: "wx" });
  return login;
}

/** The address to print. The token stands behind the `#`, so that no server log and no Referer header ever holds it. */
export function loginUrl(port: number, login: OneTimeLogin): string {
  return `http://127.0.0.1:${port}/login#token=${login.token}`;
}

/** Whether the token was a login that nobody took before and that has not expired. */
export async function takeOneTimeLogin(dataDir: string, token: string): Promise<boolean> {
  const file = join(directoryOf(dataDir), hashOf(token));
  try {
    const expires = Number(await readFile(file, "utf8"));
    await unlink(file);
    return expires > Date.now();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function removeExpired(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const expires = Number(await readFile(join(directory, name), "utf8").catch(() => "0"));
    if (expires <= Date.now()) await rm(join(directory, name), { force: true });
  }
}

const directoryOf = (dataDir: string) => join(dataDir, "console-logins");
const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");
