// Debian's trust store, and the NSS databases of Chromium and Firefox: what has to be done to change them.
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const localAuthorities = "/usr/local/share/ca-certificates";
/** Trusted to issue for servers, and for nothing else. Source: certutil's -t. */
const serverAuthority = "C,,";

/** What is done, in words; without `run` there is nothing to do. */
export interface Act {
  what: string;
  run?: () => Promise<void>;
}

export interface NamedAuthority {
  cert: X509Certificate;
  name: string;
}

type Verb = "install" | "remove";

/** Of Debian and what descends from it. @throws when the name is another authority's */
export function systemActs(verb: Verb, { cert, name }: NamedAuthority): Act[] {
  if (!existsSync(localAuthorities)) {
    throw new Error(`there is no ${localAuthorities}: install the package ca-certificates, or use -nss-only`);
  }
  const file = join(localAuthorities, `${name}.crt`);
  const present = existsSync(file) ? new X509Certificate(readFileSync(file)) : undefined;
  if (present && present.fingerprint256 !== cert.fingerprint256) throw new Error(anothers(file, verb));
  const update = {
    what: "run update-ca-certificates",
    run: () => runProgram("update-ca-certificates", [], "ca-certificates"),
  };
  if (verb === "install") {
    if (present) return [{ what: `${file} is there already` }, update];
    return [{ what: `write ${file}`, run: async () => guarded(file, () => writeWhole(file, cert.toString())) }, update];
  }
  if (!present) return [{ what: `${file} is not there` }];
  return [{ what: `remove ${file}`, run: async () => guarded(file, () => rmSync(file)) }, update];
}

export interface NssPlace {
  /** As the user named it. */
  directory: string | undefined;
  /** Of the user: Chromium's database is below it. */
  home: string | undefined;
}

/** @throws when the name is another authority's, or the named directory cannot be used */
export async function nssActs(verb: Verb, { cert, name }: NamedAuthority, place: NssPlace): Promise<Act[]> {
  const chromium = place.home && join(place.home, ".pki/nssdb");
  const directory = place.directory ?? chromium;
  if (!directory) return [];
  const database = `sql:${directory}`;
  const isMade = existsSync(join(directory, "cert9.db"));
  if (!isMade && (place.directory === undefined || verb === "remove")) {
    return [{ what: `there is no NSS database in ${directory}` }];
  }
  if (!(await hasCertutil())) {
    const missing = "certutil is not installed: its package is libnss3-tools";
    if (place.directory) throw new Error(missing);
    return [{ what: `${directory} stays as it is: ${missing}` }];
  }
  const present = isMade ? await readNss(database, name) : undefined;
  if (present && present.fingerprint256 !== cert.fingerprint256)
    throw new Error(anothers(`${name} in ${directory}`, verb));
  const certutil = (...args: string[]) => runProgram("certutil", args, "libnss3-tools", cert.toString());
  if (verb === "remove") {
    if (!present) return [{ what: `${name} is not in ${directory}` }];
    return [{ what: `remove ${name} from ${directory}`, run: () => certutil("-D", "-d", database, "-n", name) }];
  }
  if (present) return [{ what: `${name} is in ${directory} already` }];
  const make = async () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    await certutil("-N", "-d", database, "--empty-password");
  };
  return [
    ...(isMade ? [] : [{ what: `make an NSS database in ${directory}`, run: make }]),
    {
      what: `add ${name} to ${directory}`,
      run: () => certutil("-A", "-d", database, "-n", name, "-t", serverAuthority),
    },
  ];
}

function anothers(place: string, verb: Verb): string {
  return `${place} is another authority: ${verb === "install" ? "choose a -name of its own" : "name its own file"}`;
}

async function hasCertutil(): Promise<boolean> {
  try {
    await execute("certutil", ["--version"]);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    // It knows no such flag, which it can only say when it is there.
    return true;
  }
}

/** Undefined when the database has no certificate of the name. */
async function readNss(database: string, name: string): Promise<X509Certificate | undefined> {
  const { stdout: list } = await execute("certutil", ["-L", "-d", database]);
  if (!list.split("\n").some((row) => row.replace(/\s+[A-Za-z]*,[A-Za-z]*,[A-Za-z]*\s*$/, "") === name))
    return undefined;
  const { stdout: pem } = await execute("certutil", ["-L", "-d", database, "-n", name, "-a"]);
  return new X509Certificate(pem);
}

/** @param input what it reads from its standard input */
async function runProgram(program: string, args: string[], debian: string, input = ""): Promise<void> {
  const running = execute(program, args);
  running.child.stdin?.end(input);
  try {
    await running;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === "ENOENT") throw new Error(`${program} is not installed: its package is ${debian}`, { cause: error });
    throw new Error(`${program} ${args.join(" ")} failed: ${stderr?.trim() || `exit code ${code}`}`, { cause: error });
  }
}

function guarded(file: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EROFS") throw error;
    throw new Error(`${file} cannot be changed (${code}): run this as root, or use -nss-only`, { cause: error });
  }
}

/** A half-written file in that directory would be taken for an authority. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.next`, text, { mode: 0o644, flush: true });
  renameSync(`${file}.next`, file);
}
