// The data directory: whose it is, what is in it, and that one process at a time works on it.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { messageOf } from "@capstan/base/errors";

/** Written once; a directory that has files but not this one is somebody else's. */
export const markerName = "capstan.json";
/** Where `capstan restore` lays out what it brings; with this and without a marker a restore was cut short. */
export const stagingName = "restore.part";
const format = 1;

export interface DataDirectory {
  root: string;
  kubeconfig: string;
  /** The control socket. */
  socket: string;
  path(...parts: string[]): string;
}

/** @param given --data-dir; absent: $CAPSTAN_HOME, else ~/.capstan. */
export function locateDataDirectory(given: string | undefined): DataDirectory {
  const root = resolve(given ?? process.env.CAPSTAN_HOME ?? join(homedir(), ".capstan"));
  const path = (...parts: string[]) => join(root, ...parts);
  return { root, kubeconfig: path("kubeconfig"), socket: path("control.sock"), path };
}

/** Makes or takes over the directory. Throws when it is another program's, of a newer format, or cannot be written. */
export function claimDataDirectory({ root }: DataDirectory): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    accessSync(root, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`cannot write to the data directory ${root} (${messageOf(error)}); choose another with --data-dir`);
  }
  const marker = join(root, markerName);
  if (existsSync(marker)) {
    checkMarker(marker);
    return;
  }
  if (existsSync(join(root, stagingName))) {
    throw new Error(`a restore into ${root} was cut short; run it again: capstan restore FILE --data-dir ${root}`);
  }
  const others = readdirSync(root).filter((name) => name !== "lost+found");
  if (others.length > 0) {
    const some = others.slice(0, 3).join(", ");
    throw new Error(
      `${root} is not a data directory of Capstan: it holds ${some}; choose an empty one with --data-dir`,
    );
  }
  try {
    writeMarker(root);
  } catch (error) {
    throw new Error(
      `cannot write to the data directory ${root} (${messageOf(error)}); free some space or choose another`,
    );
  }
}

/** Says that a directory is a data directory, whole and of this format. */
export function writeMarker(root: string): void {
  writeFileSync(join(root, markerName), `${JSON.stringify({ format })}\n`, { mode: 0o600, flush: true });
}

function checkMarker(marker: string): void {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(marker, "utf8")).format;
  } catch (error) {
    throw new Error(
      `${marker} is damaged (${messageOf(error)}); restore it with: echo '{"format":${format}}' > ${marker}`,
    );
  }
  if (found !== format)
    throw new Error(`${marker} says format ${found}, this Capstan reads ${format}; start the Capstan that wrote it`);
}

export interface RunningProcess {
  pid: number;
}

/** Takes the directory's lock for this process. Throws, naming the process, when a live one has it. */
export function lockDataDirectory(directory: DataDirectory): Disposable {
  const lock = directory.path("lock");
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(lock, `${process.pid} ${startTimeOf(process.pid) ?? ""}\n`, { flag: "wx", mode: 0o600 });
      return { [Symbol.dispose]: () => rmSync(lock, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = lockHolder(directory);
    if (holder)
      throw new Error(
        `${directory.root} is in use by process ${holder.pid}; stop it with: capstan down --data-dir ${directory.root}`,
      );
    rmSync(lock, { force: true });
  }
  throw new Error(`${directory.root} is being started by another process at this moment`);
}

/** The live process that holds the lock. */
export function lockHolder(directory: DataDirectory): RunningProcess | undefined {
  const lock = directory.path("lock");
  if (!existsSync(lock)) return undefined;
  const [pid = 0, start = ""] = readFileSync(lock, "utf8").trim().split(" ");
  const present = startTimeOf(Number(pid));
  return present !== undefined && (start === "" || present === start) ? { pid: Number(pid) } : undefined;
}

/**
 * A process's start in clock ticks since boot (proc(5), field 22), which tells it from a later one of the same number.
 * Undefined when there is none, or only what is left of a dead one (state Z).
 */
function startTimeOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  if (!existsSync(`/proc/${pid}/stat`)) return "";
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}
