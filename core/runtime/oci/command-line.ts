// The last step into a container: a shell line that sets its environment, drops its rights and starts its program.
import type { SecurityConfig } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import { boundingSet } from "./capabilities.ts";
import { quote } from "./command.ts";

export interface Tools {
  sh: string;
  unshare: string;
  nsenter: string;
  mount: string;
  mkfifo: string;
  setpriv: string;
  ip?: string;
  script?: string;
  stty?: string;
  runc?: string;
}

export interface Identity {
  uid: number;
  gid: number;
  groups: number[];
}

export interface Environment {
  /** Set by the shell that starts the program. */
  exported: [string, string][];
  /** Would change the node's own programs on the way in, or no shell can set it: left to the image's env program. */
  deferred: [string, string][];
}

// Variables that the dynamic linker, the C library, the shell, or util-linux act on.
const acted =
  /^(LD_|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|LOCPATH|NLSPATH|LANGUAGE|MALLOC_|LIBMOUNT_|LIBSMARTCOLS_|BASH|SHELLOPTS|ENV$|IFS$|PS4$|CDPATH|HOSTALIASES|LOCALDOMAIN|RES|NIS_PATH|POSIXLY_CORRECT|TZDIR|TMPDIR)/;

export function sortEnvironment(env: { name: string; value: string }[]): Environment {
  const last = new Map(env.map(({ name, value }) => [name, value]));
  const plain = ([name, value]: [string, string]) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
    !acted.test(name) &&
    !(/^(LANG|LC_)/.test(name) && value.includes("/")) &&
    // Read-only or special in shells.
    !/^(PPID|OPTIND|PS1|PS2|LINENO|_|UID|EUID|PWD|OLDPWD)$/.test(name);
  const all = [...last];
  return { exported: all.filter(plain), deferred: all.filter((entry) => !plain(entry)) };
}

export interface LineOptions {
  tools: Tools;
  identity: Identity;
  security: SecurityConfig;
  environment: Environment;
  workingDir: string;
  /** Path of env in the image, needed for deferred variables. */
  envProgram: string | undefined;
  /** Where the new root is for the shell: "." at the start, "/.." for exec. */
  root: string;
  /** In a user namespace with one id there are no groups to set. */
  rootless: boolean;
}

/** Shell text that replaces the shell with the program; `program` is shell text too (quoted words, or "$@"). */
export function commandLine(options: LineOptions, program: string): string {
  const { tools, identity, security, environment, workingDir } = options;
  const exports = environment.exported.map(([name, value]) => `export ${name}=${quote(value)}\n`).join("");
  const words = [tools.setpriv];
  const bounding = boundingSet({
    privileged: security.privileged,
    add: security.addCapabilities,
    drop: security.dropCapabilities,
    uid: identity.uid,
  });
  if (bounding) words.push("--bounding-set", bounding, "--inh-caps=-all");
  if (security.noNewPrivileges && !security.privileged) words.push("--no-new-privs");
  if (!options.rootless) {
    words.push(`--regid=${identity.gid}`);
    words.push(identity.groups.length > 0 ? `--groups=${identity.groups.join(",")}` : "--clear-groups");
  }
  words.push(tools.unshare, `--root=${options.root}`, `--wd=${workingDir}`);
  if (identity.uid !== 0) words.push(`--setuid=${identity.uid}`);
  words.push("--");
  if (environment.deferred.length > 0) {
    if (!options.envProgram) {
      const names = environment.deferred.map(([name]) => name).join(", ");
      throw new RuntimeError("Unsupported", `env ${names}: to set this the image needs /usr/bin/env`);
    }
    words.push(options.envProgram, ...environment.deferred.map(([name, value]) => `${name}=${value}`));
  }
  return `unset OLDPWD\n${exports}exec ${words.map(quote).join(" ")} ${program}\n`;
}
