import { readFileSync } from "node:fs";
import { RuntimeError } from "../cri.ts";

// What containers may do unless their securityContext says otherwise: containerd's and Docker's common default.
const defaults = [
  ...["chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid"],
  ...["setpcap", "net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"],
];

// capability.h of Linux 6.1, by number.
const known = new Set([
  ...["chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner"],
  ...["sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice"],
  ...["sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap"],
  ...["mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf"],
  "checkpoint_restore",
]);

/** What this process may pass on: root of a machine that is a container itself has not all. */
function ownCapabilities(): Set<string> {
  const [, hex = "0"] = /^CapBnd:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  const bits = BigInt(`0x${hex}`);
  return new Set([...known].filter((_, number) => (bits >> BigInt(number)) % 2n === 1n));
}

export interface CapabilityOptions {
  privileged?: boolean;
  add?: string[];
  drop?: string[];
}

/** Lower-case names without "cap_": what a container's programs may have at most. */
export function capabilitySet(options: CapabilityOptions): Set<string> {
  if (options.privileged) return ownCapabilities();
  const drop = (options.drop ?? []).map(plain);
  const add = (options.add ?? []).map(plain);
  const set = new Set(drop.includes("all") ? [] : defaults.filter((name) => !drop.includes(name)));
  for (const name of add.includes("all") ? ownCapabilities() : add) set.add(name);
  for (const name of drop) if (!add.includes(name)) set.delete(name);
  return set;
}

/**
 * setpriv's value for the bounding set: undefined leaves it whole. The step from setpriv into the container's root
 * needs sys_chroot, and setuid for another user, so these stay; sys_chroot opens nothing, since a container's mount
 * namespace has no root but its own.
 */
export function boundingSet(options: CapabilityOptions & { uid: number }): string | undefined {
  if (options.privileged) return undefined;
  const set = capabilitySet(options);
  set.add("sys_chroot");
  if (options.uid !== 0) set.add("setuid");
  return ["-all", ...[...set].map((name) => `+${name}`)].join(",");
}

function plain(capability: string): string {
  const name = capability.toLowerCase().replace(/^cap_/, "");
  if (name !== "all" && !known.has(name)) {
    throw new RuntimeError("InvalidArgument", `unknown capability "${capability}"`);
  }
  return name;
}
