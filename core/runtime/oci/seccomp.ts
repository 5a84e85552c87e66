// Filters of system calls, in the words of `linux.seccomp` of the OCI runtime specification.
import { readFileSync, statSync } from "node:fs";
import { RuntimeError, type SeccompProfile } from "../cri.ts";
import { allowedCalls, capabilityCalls } from "./seccomp-calls.ts";

export interface SeccompRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

export interface Seccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  syscalls?: SeccompRule[];
}

const profileLimit = 1 << 20;

// errno.h.
const EPERM = 1;
const ENOSYS = 38;

// linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
const newNamespaces = 0x7e020000;
// linux/personality.h: PER_LINUX, PER_LINUX32, UNAME26 with each of them, and the question for the present one.
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
// linux/socket.h: a hypervisor's sockets are not in any network namespace.
const AF_VSOCK = 40;

/** Whose programs run on a machine, by Node's name for it; elsewhere only its own. */
const architectures: Record<string, string[]> = { x64: ["X86_64", "X86", "X32"], arm64: ["AARCH64", "ARM"] };

/**
 * The filter that a profile means; undefined when there is none to be. Nobody's wish means the default.
 * @throws RuntimeError InvalidArgument for a file that is no profile
 */
export function seccompOf(
  profile: SeccompProfile | undefined,
  capabilities: ReadonlySet<string>,
  privileged: boolean,
): Seccomp | undefined {
  if (profile?.type === "Unconfined" || (privileged && !profile)) return undefined;
  if (profile?.type === "Localhost") return readProfile(profile.path ?? "");
  return privileged ? undefined : defaultProfile(capabilities);
}

function defaultProfile(capabilities: ReadonlySet<string>): Seccomp {
  const allow = (names: string[], args?: SeccompRule["args"]): SeccompRule => ({
    names,
    action: "SCMP_ACT_ALLOW",
    ...(args ? { args } : {}),
  });
  const rules = [
    allow(allowedCalls),
    allow(["socket"], [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }]),
    ...personalities.map((value) => allow(["personality"], [{ index: 0, value, op: "SCMP_CMP_EQ" }])),
  ];
  for (const [capability, names] of Object.entries(capabilityCalls)) {
    if (capabilities.has(capability)) rules.push(allow(names));
  }
  if (!capabilities.has("sys_admin")) {
    const plain = { index: 0, value: newNamespaces, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" };
    rules.push(allow(["clone"], [plain]));
    // Its flags are behind a pointer that no filter can follow: without it, C libraries use clone.
    rules.push({ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS });
  }
  const names = architectures[process.arch];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    ...(names ? { architectures: names.map((name) => `SCMP_ARCH_${name}`) } : {}),
    syscalls: rules,
  };
}

/** What a profile's file says that the specification knows. */
function readProfile(path: string): Seccomp {
  const fail = (why: string) => new RuntimeError("InvalidArgument", `seccomp profile ${path}: ${why}`);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw fail("there is no such file on the node");
  if (stat.size > profileLimit) throw fail(`it is larger than ${profileLimit} bytes`);
  let parsed: Partial<Seccomp> | null;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw fail(`it is not JSON: ${(error as Error).message}`);
  }
  const { defaultAction, defaultErrnoRet, architectures, flags, syscalls } = parsed ?? {};
  if (typeof defaultAction !== "string") throw fail("defaultAction is missing");
  return {
    defaultAction,
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    ...(architectures ? { architectures } : {}),
    ...(flags ? { flags } : {}),
    ...(syscalls ? { syscalls } : {}),
  };
}
