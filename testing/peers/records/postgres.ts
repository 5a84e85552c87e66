import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian keeps its programs apart by version. */
const places = [...debianVersions(), "/usr/local/bin", "/usr/bin"];

function debianVersions(): string[] {
  const root = "/usr/lib/postgresql";
  return existsSync(root) ? readdirSync(root).map((version) => join(root, version, "bin")) : [];
}

/** Where PostgreSQL's server is; undefined when it is not installed. */
export function findPostgres(): string | undefined {
  return places.find((place) =>
    ["postgres", "initdb", "createdb"].every((program) => existsSync(join(place, program))),
  );
}

export interface Postgres extends AsyncDisposable {
  /** The URL of a new, empty database. */
  createDatabase(): string;
  /** Ends the server at once, and starts it again. */
  restart(): Promise<void>;
}

/** A server of its own on a socket in a new directory, which goes with it. As root it runs as the user `postgres`. */
export async function startPostgres(programs: string): Promise<Postgres> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-postgres-"));
  const ids = process.getuid?.() === 0 ? idsOf("postgres") : undefined;
  if (ids) chownSync(directory, ids.uid, ids.gid);
  const as = ids ?? {};
  const data = join(directory, "data");
  const options = ["-D", data, "-U", "capstan", "-A", "trust", "-E", "UTF8", "--no-sync"];
  const made = spawnSync(join(programs, "initdb"), options, { encoding: "utf8", ...as });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const settings = ["-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off"];
  let server = await launch(programs, settings, as);
  let databases = 0;
  return {
    createDatabase() {
      const name = `test${databases++}`;
      const { status, stderr } = spawnSync(join(programs, "createdb"), ["-h", directory, "-U", "capstan", name], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`createdb failed: ${stderr}`);
      return `postgres://capstan@localhost/${name}?host=${encodeURIComponent(directory)}`;
    },
    async restart() {
      await end(server, "SIGQUIT");
      server = await launch(programs, settings, as);
    },
    async [Symbol.asyncDispose]() {
      await end(server, "SIGINT");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Resolves when it takes connections. */
async function launch(programs: string, settings: string[], as: object): Promise<ChildProcess> {
  const server = spawn(join(programs, "postgres"), settings, { stdio: ["ignore", "ignore", "pipe"], ...as });
  let log = "";
  await new Promise<void>((resolve, reject) => {
    server.stderr.on("data", (chunk: Buffer) => {
      log += chunk;
      if (log.includes("ready to accept connections")) resolve();
    });
    server.once("exit", () => reject(new Error(`postgres ended: ${log}`)));
  });
  return server;
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(server, "exit");
  server.kill(signal);
  await ended;
}

function idsOf(user: string): { uid: number; gid: number } {
  const { stdout } = spawnSync("getent", ["passwd", user], { encoding: "utf8" });
  const [, , uid, gid] = stdout.split(":");
  if (!uid || !gid) throw new Error(`there is no user ${user} to run PostgreSQL as`);
  return { uid: Number(uid), gid: Number(gid) };
}
