// The controls that the level restricted adds. Source: k8s.io/pod-security-admission/policy.
import { seccompProfiles } from "./baseline.ts";
import {
  type AnyContainer,
  among,
  type Control,
  containersOf,
  isWindows,
  named,
  plural,
  quote,
  type Subject,
  setters,
  sorted,
  type Violation,
} from "./setters.ts";

const allowedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

function volumes({ spec }: Subject): Violation | undefined {
  const wrong = (spec.volumes ?? []).flatMap((volume) => {
    const types = Object.keys(volume).filter((key) => key !== "name");
    if (types.length === 0 || types.some((type) => allowedVolumes.includes(type))) return [];
    return [{ name: volume.name, type: types[0] as string }];
  });
  if (wrong.length === 0) return undefined;
  const types = sorted(wrong.map(({ type }) => type));
  const count = wrong.length;
  const what = plural("restricted volume type", "restricted volume types", types.length);
  return {
    reason: "restricted volume types",
    detail: `${plural("volume", "volumes", count)} ${quote(wrong.map(({ name }) => name))} ${plural("uses", "use", count)} ${what} ${quote(types)}`,
  };
}

function privilegeEscalation({ spec }: Subject): Violation | undefined {
  const wrong = among(spec, ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false);
  if (wrong.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${named(wrong)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

function capabilities({ spec }: Subject): Violation | undefined {
  const added = ({ securityContext }: AnyContainer) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
  const keeping = among(spec, (context) => !context.capabilities?.drop?.includes("ALL"));
  const adding = among(spec, (_, container) => added(container).length > 0);
  const values = quote(sorted(containersOf(spec).flatMap(added)));
  const parts = [
    ...(keeping.length > 0 ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0 ? [`${named(adding)} must not include ${values} in securityContext.capabilities.add`] : []),
  ];
  return parts.length > 0 ? { reason: "unrestricted capabilities", detail: parts.join("; ") } : undefined;
}

function nonRoot({ spec }: Subject): Violation | undefined {
  const reason = "runAsNonRoot != true";
  const own = spec.securityContext?.runAsNonRoot;
  const by = setters(
    own === false,
    among(spec, ({ runAsNonRoot }) => runAsNonRoot === false),
  );
  if (by) return { reason, detail: `${by} must not set securityContext.runAsNonRoot=false` };
  const silent = own ? [] : among(spec, ({ runAsNonRoot }) => runAsNonRoot === undefined);
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${named(silent)} must set securityContext.runAsNonRoot=true` };
}

function rootUser({ spec }: Subject): Violation | undefined {
  const by = setters(
    spec.securityContext?.runAsUser === 0,
    among(spec, ({ runAsUser }) => runAsUser === 0),
  );
  return by ? { reason: "runAsUser=0", detail: `${by} must not set runAsUser=0` } : undefined;
}

function seccomp(pod: Subject): Violation | undefined {
  const wrong = seccompProfiles(pod);
  if (wrong) return wrong;
  const { spec } = pod;
  const silent = spec.securityContext?.seccompProfile ? [] : among(spec, ({ seccompProfile }) => !seccompProfile);
  if (silent.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}

/** Pods of Windows say this in other ways. */
const exceptWindows = (find: (pod: Subject) => Violation | undefined) => (pod: Subject) =>
  isWindows(pod.spec) ? undefined : find(pod);

export const restricted: readonly Control[] = [
  {
    id: "allowPrivilegeEscalation",
    versions: [
      [8, privilegeEscalation],
      [25, exceptWindows(privilegeEscalation)],
    ],
  },
  {
    id: "capabilities_restricted",
    overrides: "capabilities_baseline",
    versions: [
      [22, capabilities],
      [25, exceptWindows(capabilities)],
    ],
  },
  { id: "restrictedVolumes", overrides: "hostPathVolumes", versions: [[0, volumes]] },
  { id: "runAsNonRoot", versions: [[0, nonRoot]] },
  { id: "runAsUser", versions: [[23, rootUser]] },
  {
    id: "seccompProfile_restricted",
    overrides: "seccompProfile_baseline",
    versions: [
      [19, seccomp],
      [25, exceptWindows(seccomp)],
    ],
  },
];
