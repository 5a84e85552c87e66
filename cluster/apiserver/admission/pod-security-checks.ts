// The controls of the Pod Security Standards. Source: k8s.io/pod-security-admission/policy.
import type { Container, EphemeralContainer, Pod, PodSpec, SecurityContext } from "@capstan/api/generated/core-v1";

/** One control: `find` says what is wrong, or undefined. */
export interface Check {
  name: string;
  find(pod: Pick<Pod, "metadata" | "spec">): string | undefined;
}

type AnyContainer = Container | EphemeralContainer;
const all = ({ initContainers = [], containers = [], ephemeralContainers = [] }: PodSpec): AnyContainer[] => [
  ...initContainers,
  ...(containers ?? []),
  ...ephemeralContainers,
];
const quote = (names: string[]) => names.map((name) => JSON.stringify(name)).join(", ");
const unique = (list: string[]) => [...new Set(list)];

/** Names the containers that are wrong: `containers "a", "b" must …`. */
function among(
  spec: PodSpec,
  isWrong: (context: SecurityContext, container: AnyContainer) => boolean,
  must: string,
): string | undefined {
  const wrong = all(spec)
    .filter((container) => isWrong(container.securityContext ?? {}, container))
    .map(({ name }) => name);
  return wrong.length === 0 ? undefined : `container${wrong.length > 1 ? "s" : ""} ${quote(wrong)} must ${must}`;
}

/** A wrong value of the pod itself, or of containers. */
function podOrContainers(
  spec: PodSpec,
  podIsWrong: boolean,
  isWrong: (context: SecurityContext) => boolean,
  must: string,
): string | undefined {
  const parts = [podIsWrong ? `pod must ${must}` : undefined, among(spec, isWrong, must)].filter(
    (part) => part !== undefined,
  );
  return parts.length > 0 ? parts.join(" and ") : undefined;
}

const allowedCapabilities = new Set(
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split(
    " ",
  ),
);
const safeSysctls = new Set(
  "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes".split(
    " ",
  ),
);
const seLinuxTypes = new Set([
  undefined,
  "",
  "container_t",
  "container_init_t",
  "container_kvm_t",
  "container_engine_t",
]);
const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

export const baselineChecks: readonly Check[] = [
  {
    name: "host namespaces",
    find: ({ spec }) => {
      const used = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field]);
      return used.length > 0 ? used.map((field) => `${field}=true`).join(", ") : undefined;
    },
  },
  {
    name: "privileged",
    find: ({ spec }) => among(spec, ({ privileged }) => privileged === true, "not set securityContext.privileged=true"),
  },
  {
    name: "hostProcess",
    find: ({ spec }) =>
      podOrContainers(
        spec,
        spec.securityContext?.windowsOptions?.hostProcess === true,
        ({ windowsOptions }) => windowsOptions?.hostProcess === true,
        "not set securityContext.windowsOptions.hostProcess=true",
      ),
  },
  {
    name: "non-default capabilities",
    find: ({ spec }) => {
      const isWrong = ({ capabilities }: SecurityContext) =>
        (capabilities?.add ?? []).some((name) => !allowedCapabilities.has(name));
      const added = all(spec).flatMap(({ securityContext }) => securityContext?.capabilities?.add ?? []);
      const wrong = unique(added.filter((name) => !allowedCapabilities.has(name))).sort();
      return among(spec, isWrong, `not include ${quote(wrong)} in securityContext.capabilities.add`);
    },
  },
  {
    name: "hostPath volumes",
    find: ({ spec }) => {
      const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
      return names.length > 0 ? `volume${names.length > 1 ? "s" : ""} ${quote(names)}` : undefined;
    },
  },
  {
    name: "hostPort",
    find: ({ spec }) => {
      const portsOf = (container: AnyContainer) =>
        (container.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
      const wrong = all(spec).filter((container) => portsOf(container).length > 0);
      const ports = unique(wrong.flatMap(portsOf)).join(", ");
      return wrong.length > 0
        ? `container${wrong.length > 1 ? "s" : ""} ${quote(wrong.map(({ name }) => name))} use hostPort${ports.includes(",") ? "s" : ""} ${ports}`
        : undefined;
    },
  },
  {
    name: "forbidden AppArmor profiles",
    find: ({ metadata, spec }) => {
      const wrong = Object.entries(metadata.annotations ?? {})
        .filter(
          ([key, value]) =>
            key.startsWith(appArmorPrefix) &&
            value !== "" &&
            value !== "runtime/default" &&
            !value.startsWith("localhost/"),
        )
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      if (wrong.length > 0) return wrong.join(", ");
      const unconfined = (profile: { type: string } | undefined) => profile?.type === "Unconfined";
      return podOrContainers(
        spec,
        unconfined(spec.securityContext?.appArmorProfile),
        ({ appArmorProfile }) => unconfined(appArmorProfile),
        'not set AppArmor profile type to "Unconfined"',
      );
    },
  },
  {
    name: "seLinuxOptions",
    find: ({ spec }) => {
      const isWrong = (options: { type?: string; user?: string; role?: string } | undefined) =>
        options !== undefined && (!seLinuxTypes.has(options.type) || Boolean(options.user) || Boolean(options.role));
      return podOrContainers(
        spec,
        isWrong(spec.securityContext?.seLinuxOptions),
        ({ seLinuxOptions }) => isWrong(seLinuxOptions),
        "not set forbidden securityContext.seLinuxOptions",
      );
    },
  },
  {
    name: "procMount",
    find: ({ spec }) =>
      among(
        spec,
        ({ procMount }) => procMount !== undefined && procMount !== "Default",
        'not set securityContext.procMount to other than "Default"',
      ),
  },
  {
    name: "seccompProfile",
    find: ({ spec }) =>
      podOrContainers(
        spec,
        spec.securityContext?.seccompProfile?.type === "Unconfined",
        ({ seccompProfile }) => seccompProfile?.type === "Unconfined",
        'not set securityContext.seccompProfile.type to "Unconfined"',
      ),
  },
  {
    name: "forbidden sysctls",
    find: ({ spec }) => {
      const wrong = (spec.securityContext?.sysctls ?? [])
        .map(({ name }) => name)
        .filter((name) => !safeSysctls.has(name));
      return wrong.length > 0 ? wrong.join(", ") : undefined;
    },
  },
];

const restrictedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

export const restrictedChecks: readonly Check[] = [
  {
    name: "restricted volume types",
    find: ({ spec }) => {
      const wrong = (spec.volumes ?? []).flatMap((volume) => {
        const type = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
        return restrictedVolumes.includes(type)
          ? []
          : [`volume ${JSON.stringify(volume.name)} uses restricted volume type ${JSON.stringify(type)}`];
      });
      return wrong.length > 0 ? wrong.join(", ") : undefined;
    },
  },
  {
    name: "allowPrivilegeEscalation != false",
    find: ({ spec }) =>
      among(
        spec,
        ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false,
        "set securityContext.allowPrivilegeEscalation=false",
      ),
  },
  {
    name: "unrestricted capabilities",
    find: ({ spec }) => {
      const drop = among(
        spec,
        ({ capabilities }) => !capabilities?.drop?.includes("ALL"),
        'set securityContext.capabilities.drop=["ALL"]',
      );
      const isWrong = ({ capabilities }: SecurityContext) =>
        (capabilities?.add ?? []).some((name) => name !== "NET_BIND_SERVICE");
      const add = among(spec, isWrong, 'not add capabilities other than "NET_BIND_SERVICE"');
      return drop && add ? `${drop}; ${add}` : (drop ?? add);
    },
  },
  {
    name: "runAsNonRoot != true",
    find: ({ spec }) => {
      const byPod = spec.securityContext?.runAsNonRoot;
      const isWrong = ({ runAsNonRoot }: SecurityContext) => (runAsNonRoot ?? byPod) !== true;
      if (byPod !== true && all(spec).every(({ securityContext }) => securityContext?.runAsNonRoot === undefined)) {
        const names = all(spec).map(({ name }) => name);
        return `pod or container${names.length > 1 ? "s" : ""} ${quote(names)} must set securityContext.runAsNonRoot=true`;
      }
      return among(spec, isWrong, "set securityContext.runAsNonRoot=true");
    },
  },
  {
    name: "runAsUser=0",
    find: ({ spec }) =>
      podOrContainers(
        spec,
        spec.securityContext?.runAsUser === 0,
        ({ runAsUser }) => runAsUser === 0,
        "not set runAsUser=0",
      ),
  },
  {
    name: "seccompProfile",
    find: ({ spec }) => {
      const byPod = spec.securityContext?.seccompProfile?.type;
      const isWrong = ({ seccompProfile }: SecurityContext) =>
        !["RuntimeDefault", "Localhost"].includes(seccompProfile?.type ?? byPod ?? "");
      const wrong = among(spec, isWrong, 'set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"');
      return wrong && byPod === undefined ? `pod or ${wrong}` : wrong;
    },
  },
];
