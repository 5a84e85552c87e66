// Ephemeral containers: what they may have, and that they stay. Source: core's validateEphemeralContainers and
// ValidatePodEphemeralContainersUpdate.
import type { Container, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { equal } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { checkContainers } from "./containers.ts";

const refused = ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] as const;

/** @param volumes names that may be mounted. @param names of the other containers. */
export function checkEphemeral(
  spec: PodSpec,
  field: string,
  volumes: ReadonlySet<string>,
  names: Set<string>,
  errors: FieldErrors,
): void {
  const own = spec.ephemeralContainers ?? [];
  checkContainers(own as Container[], `${field}.ephemeralContainers`, volumes, names, errors);
  for (const [i, container] of own.entries()) {
    const at = `${field}.ephemeralContainers[${i}]`;
    const { targetContainerName: target, resources } = container;
    if (target && ![...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(({ name }) => name === target)) {
      errors.notFound(`${at}.targetContainerName`, target);
    }
    const given = refused.filter((name) => container[name] !== undefined);
    if (Object.keys(resources ?? {}).length > 0) errors.forbidden(`${at}.resources`, unfit);
    for (const name of given) errors.forbidden(`${at}.${name}`, unfit);
  }
}

const unfit = "cannot be set for an Ephemeral Container";

/** Those that are there stay as they are. */
export function checkEphemeralUpdate(pod: Pod, old: Pod, errors: FieldErrors): void {
  const next = new Map((pod.spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const before of old.spec.ephemeralContainers ?? []) {
    const now = next.get(before.name);
    const refuse = (what: string) =>
      errors.forbidden(
        "spec.ephemeralContainers",
        `existing ephemeral containers ${JSON.stringify(before.name)} may not be ${what}`,
      );
    if (!now) refuse("removed");
    else if (!equal(now, before)) refuse("changed");
  }
}
