// The controls of the level baseline. Source: k8s.io/pod-security-admission/policy.
import type { LifecycleHandler, Probe, SELinuxOptions } from "@capstan/api/generated/core-v1";
import {
  type AnyContainer,
  among,
  type Control,
  containersOf,
  named,
  plural,
  quote,
  type Subject,
  setters,
  sorted,
  type Violation,
} from "./setters.ts";

const words = (text: string) => new Set(text.split(" "));

const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const confined = words("RuntimeDefault Localhost");
const bad = (profile: { type: string } | undefined) => (profile && !confined.has(profile.type) ? [profile.type] : []);

function appArmor({ metadata, spec }: Subject): Violation | undefined {
  const own = spec.securityContext?.appArmorProfile;
  const containers = among(spec, ({ appArmorProfile }) => bad(appArmorProfile).length > 0);
  const profiles = containersOf(spec).map(({ securityContext }) => securityContext?.appArmorProfile);
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !/^($|runtime\/default$|localhost\/)/.test(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const values = [...sorted([own, ...profiles].flatMap(bad)), ...annotations];
  const by = setters(bad(own).length > 0, containers);
  const noted = annotations.length > 0 ? plural("annotation", "annotations", annotations.length) : undefined;
  const who = [by, noted].filter((part) => part !== undefined);
  if (who.length === 0) return undefined;
  return {
    reason: plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.length),
    detail: `${who.join(" and ")} must not set AppArmor profile type to ${quote(values)}`,
  };
}

const defaultCapabilities = words(
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT",
);

function capabilities({ spec }: Subject): Violation | undefined {
  const added = ({ securityContext }: AnyContainer) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const wrong = among(spec, (_, container) => added(container).length > 0);
  if (wrong.length === 0) return undefined;
  const values = quote(sorted(containersOf(spec).flatMap(added)));
  return {
    reason: "non-default capabilities",
    detail: `${named(wrong)} must not include ${values} in securityContext.capabilities.add`,
  };
}

function hostNamespaces({ spec }: Subject): Violation | undefined {
  const used = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field]);
  return used.length > 0
    ? { reason: "host namespaces", detail: used.map((field) => `${field}=true`).join(", ") }
    : undefined;
}

function hostPathVolumes({ spec }: Subject): Violation | undefined {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: "hostPath volumes", detail: `${plural("volume", "volumes", names.length)} ${quote(names)}` };
}

function hostPorts({ spec }: Subject): Violation | undefined {
  const portsOf = ({ ports = [] }: AnyContainer) =>
    (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
  const wrong = among(spec, (_, container) => portsOf(container).length > 0);
  if (wrong.length === 0) return undefined;
  const ports = sorted(containersOf(spec).flatMap(portsOf));
  const use = plural("uses", "use", wrong.length);
  return {
    reason: "hostPort",
    detail: `${named(wrong)} ${use} ${plural("hostPort", "hostPorts", ports.length)} ${ports.join(", ")}`,
  };
}

function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): string[] {
  const handlers: (Probe | LifecycleHandler | undefined)[] = [
    ...[livenessProbe, readinessProbe, startupProbe],
    ...[lifecycle?.postStart, lifecycle?.preStop],
  ];
  return handlers
    .flatMap((one) => [one?.httpGet?.host, one?.tcpSocket?.host])
    .filter((host) => Boolean(host)) as string[];
}

function probeHosts({ spec }: Subject): Violation | undefined {
  const wrong = sorted(among(spec, (_, container) => hostsOf(container).length > 0));
  if (wrong.length === 0) return undefined;
  const hosts = sorted(containersOf(spec).flatMap(hostsOf));
  const what = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.length);
  return {
    reason: "probe or lifecycle host",
    detail: `${named(wrong)} ${plural("uses", "use", wrong.length)} ${what} ${quote(hosts)}`,
  };
}

function privileged({ spec }: Subject): Violation | undefined {
  const wrong = among(spec, (context) => context.privileged === true);
  if (wrong.length === 0) return undefined;
  return { reason: "privileged", detail: `${named(wrong)} must not set securityContext.privileged=true` };
}

function procMount({ spec }: Subject): Violation | undefined {
  const mounts = ({ securityContext }: AnyContainer) => {
    const mount = securityContext?.procMount;
    return mount !== undefined && mount !== "Default" ? [mount] : [];
  };
  const wrong = among(spec, (_, container) => mounts(container).length > 0);
  if (wrong.length === 0) return undefined;
  const values = quote(sorted(containersOf(spec).flatMap(mounts)));
  return { reason: "procMount", detail: `${named(wrong)} must not set securityContext.procMount to ${values}` };
}

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];

const seLinux =
  (types: readonly string[]) =>
  ({ spec }: Subject): Violation | undefined => {
    const wrongType = ({ type = "" }: SELinuxOptions) => !types.includes(type);
    const isWrong = (options: SELinuxOptions | undefined) =>
      options !== undefined && (wrongType(options) || Boolean(options.user) || Boolean(options.role));
    const own = spec.securityContext?.seLinuxOptions;
    const by = setters(
      isWrong(own),
      among(spec, ({ seLinuxOptions }) => isWrong(seLinuxOptions)),
    );
    if (!by) return undefined;
    const all = [own, ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions)].filter(
      (options) => options !== undefined,
    );
    const wrongTypes = sorted(all.filter(wrongType).map(({ type = "" }) => type));
    const said = [
      ...(wrongTypes.length > 0 ? [`${plural("type", "types", wrongTypes.length)} ${quote(wrongTypes)}`] : []),
      ...(all.some(({ user }) => user) ? ["user may not be set"] : []),
      ...(all.some(({ role }) => role) ? ["role may not be set"] : []),
    ];
    return {
      reason: "seLinuxOptions",
      detail: `${by} set forbidden securityContext.seLinuxOptions: ${said.join("; ")}`,
    };
  };

const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";

function seccompAnnotations({ metadata, spec }: Subject): Violation | undefined {
  const keys = [seccompPod, ...containersOf(spec).map(({ name }) => seccompContainer + name)];
  const wrong = keys.flatMap((key) => {
    const value = metadata.annotations?.[key];
    const isFine = value === undefined || /^(runtime\/default$|docker\/default$|localhost\/)/.test(value);
    return isFine ? [] : [`${key}=${JSON.stringify(value)}`];
  });
  if (wrong.length === 0) return undefined;
  const list = sorted(wrong);
  return {
    reason: "seccompProfile",
    detail: `forbidden ${plural("annotation", "annotations", list.length)} ${list.join(", ")}`,
  };
}

/** Also what the level restricted says first. */
export function seccompProfiles({ spec }: Subject): Violation | undefined {
  const own = spec.securityContext?.seccompProfile;
  const by = setters(
    bad(own).length > 0,
    among(spec, ({ seccompProfile }) => bad(seccompProfile).length > 0),
  );
  if (!by) return undefined;
  const profiles = containersOf(spec).map(({ securityContext }) => securityContext?.seccompProfile);
  const values = quote(sorted([own, ...profiles].flatMap(bad)));
  return { reason: "seccompProfile", detail: `${by} must not set securityContext.seccompProfile.type to ${values}` };
}

const safeSysctls = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
];
const safeSince27 = [...safeSysctls, "net.ipv4.ip_local_reserved_ports"];
const safeSince29 = [
  ...safeSince27,
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
];
const safeSince32 = [...safeSince29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

const sysctls =
  (safe: readonly string[]) =>
  ({ spec }: Subject): Violation | undefined => {
    const wrong = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safe.includes(name));
    return wrong.length > 0 ? { reason: "forbidden sysctls", detail: wrong.join(", ") } : undefined;
  };

function hostProcess({ spec }: Subject): Violation | undefined {
  const by = setters(
    spec.securityContext?.windowsOptions?.hostProcess === true,
    among(spec, ({ windowsOptions }) => windowsOptions?.hostProcess === true),
  );
  if (!by) return undefined;
  return { reason: "hostProcess", detail: `${by} must not set securityContext.windowsOptions.hostProcess=true` };
}

export const baseline: readonly Control[] = [
  { id: "appArmorProfile", versions: [[0, appArmor]] },
  { id: "capabilities_baseline", versions: [[0, capabilities]] },
  { id: "hostNamespaces", versions: [[0, hostNamespaces]] },
  { id: "hostPathVolumes", versions: [[0, hostPathVolumes]] },
  { id: "hostPorts", versions: [[0, hostPorts]] },
  { id: "hostProbesAndHostLifecycle", versions: [[34, probeHosts]] },
  { id: "privileged", versions: [[0, privileged]] },
  { id: "procMount", versions: [[0, procMount]] },
  {
    id: "seLinuxOptions",
    versions: [
      [0, seLinux(seLinuxTypes)],
      [31, seLinux([...seLinuxTypes, "container_engine_t"])],
    ],
  },
  {
    id: "seccompProfile_baseline",
    versions: [
      [0, seccompAnnotations],
      [19, seccompProfiles],
    ],
  },
  {
    id: "sysctls",
    versions: [
      [0, sysctls(safeSysctls)],
      [27, sysctls(safeSince27)],
      [29, sysctls(safeSince29)],
      [32, sysctls(safeSince32)],
    ],
  },
  { id: "windowsHostProcess", versions: [[0, hostProcess]] },
];
