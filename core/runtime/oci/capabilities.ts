import { RuntimeError } from "../cri.ts";

// What containers may do unless their securityContext says otherwise: containerd's and Docker's common default.
const defaults = [
  ...["chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid"],
  ...["setpcap", "net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"],
];

// capability.h of Linux 6.1.
const known = new Set([
  ...["chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner"],
  ...["sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice"],
  ...["sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap"],
  ...["mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf"],
  "checkpoint_restore",
]);

/**
 * setpriv's value for the bounding set: undefined leaves it whole. The step from setpriv into the container's root
 * needs sys_chroot, and setuid for another user, so these stay; sys_chroot opens nothing, since a container's mount
 * namespace has no root but its own.
 */
export function boundingSet(options: {
  privileged?: boolean;
  add?: string[];
  drop?: string[];
  uid: number;
}): string | undefined {
  if (options.privileged) return undefined;
  const drop = (options.drop ?? []).map(plain);
  const add = (options.add ?? []).map(plain);
  const set = new Set(drop.includes("all") ? [] : defaults.filter((name) => !drop.includes(name)));
  for (const name of add.includes("all") ? known : add) set.add(name);
  for (const name of drop) if (!add.includes(name)) set.delete(name);
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
