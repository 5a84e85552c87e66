// Who sets something in a pod, in the words of k8s.io/pod-security-admission/policy.
import type { Container, EphemeralContainer, Pod, PodSpec, SecurityContext } from "@capstan/api/generated/core-v1";

export type AnyContainer = Container | EphemeralContainer;
export type Subject = Pick<Pod, "metadata" | "spec">;

/** What a control says against a pod. */
export interface Violation {
  reason: string;
  detail: string;
}

/** One control of the Pod Security Standards, in each of its versions. */
export interface Control {
  /** Controls are told in the order of their names. */
  id: string;
  /** By the minor version from which on it holds, oldest first. */
  versions: readonly (readonly [since: number, find: (pod: Subject) => Violation | undefined])[];
  /** The controls of the level below that this one makes needless. */
  overrides?: string;
}

export const containersOf = ({
  initContainers = [],
  containers = [],
  ephemeralContainers = [],
}: PodSpec): AnyContainer[] => [...initContainers, ...(containers ?? []), ...ephemeralContainers];

export const quote = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(", ");
export const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);

/** Names of the containers that something is true of. */
export const among = (spec: PodSpec, isSo: (context: SecurityContext, container: AnyContainer) => boolean): string[] =>
  containersOf(spec)
    .filter((container) => isSo(container.securityContext ?? {}, container))
    .map(({ name }) => name);

/** `containers "a", "b"` */
export const named = (containers: string[]): string =>
  `${plural("container", "containers", containers.length)} ${quote(containers)}`;

/** `pod and containers "a", "b"`; undefined when it is neither. */
export function setters(pod: boolean, containers: string[]): string | undefined {
  const parts = [...(pod ? ["pod"] : []), ...(containers.length > 0 ? [named(containers)] : [])];
  return parts.length > 0 ? parts.join(" and ") : undefined;
}

export const isWindows = ({ os }: PodSpec): boolean => os?.name === "windows";
