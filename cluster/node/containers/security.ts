// Who a container runs as, and what it may do.
import { join, posix } from "node:path";
import type { Container, SeccompProfile as ContainerProfile, Pod } from "@capstan/api/generated/core-v1";
import type { SeccompProfile, SecurityConfig } from "@capstan/core/runtime";

/** What a container could not be made of: the status says CreateContainerConfigError. */
export class ConfigError extends Error {}

/**
 * A container's own settings go before the pod's.
 * @param profiles directory of the node's own seccomp profiles, for Localhost
 * @throws ConfigError
 */
export function securityOf(pod: Pod, container: Container, profiles: string): SecurityConfig {
  const shared = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  const nonRoot = own.runAsNonRoot ?? shared.runAsNonRoot;
  if (nonRoot && user === 0) {
    throw new ConfigError("container's runAsUser breaks non-root policy (runAsNonRoot is true, runAsUser is 0)");
  }
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  const profile = own.seccompProfile ?? shared.seccompProfile;
  return {
    ...(user === undefined ? {} : { user: String(user) }),
    ...(group === undefined ? {} : { group }),
    ...(groups.length > 0 ? { supplementalGroups: groups } : {}),
    nonRoot: nonRoot ?? false,
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    privileged: own.privileged ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    ...(profile ? { seccomp: seccompOf(profile, profiles) } : {}),
  };
}

function seccompOf({ type, localhostProfile = "" }: ContainerProfile, profiles: string): SeccompProfile {
  if (type === "RuntimeDefault" || type === "Unconfined") return { type };
  if (type !== "Localhost") throw new ConfigError(`seccompProfile.type "${type}" is not known`);
  if (localhostProfile === "" || posix.isAbsolute(localhostProfile) || localhostProfile.split("/").includes("..")) {
    throw new ConfigError(
      `seccompProfile.localhostProfile "${localhostProfile}" must be a path below ${profiles}, without ".."`,
    );
  }
  return { type, path: join(profiles, localhostProfile) };
}
