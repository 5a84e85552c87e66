// What a namespace's labels ask of its pods. Source: k8s.io/pod-security-admission/api/helpers.go and policy/registry.go.
import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { baseline } from "./baseline.ts";
import { restricted } from "./restricted.ts";
import type { Control, Subject, Violation } from "./setters.ts";

const levels = ["privileged", "baseline", "restricted"] as const;
export type Level = (typeof levels)[number];

export interface Standard {
  level: Level;
  /** The minor version of 1; Infinity is the latest. */
  version: number;
}

export interface Policy {
  enforce: Standard;
  audit: Standard;
  warn: Standard;
}

export const shownStandard = ({ level, version }: Standard): string =>
  `${level}:${version === Number.POSITIVE_INFINITY ? "latest" : `v1.${version}`}`;

export const compareLevels = (a: Level, b: Level): number => levels.indexOf(a) - levels.indexOf(b);
export const sameStandard = (a: Standard, b: Standard): boolean => a.level === b.level && a.version === b.version;

const prefix = "pod-security.kubernetes.io/";

/** The policy of a namespace, and what is wrong with its labels: an unknown level enforces most, and warns of nothing. */
export function policyOf(labels: Record<string, string> = {}): { policy: Policy; causes: StatusCause[] } {
  const causes: StatusCause[] = [];
  const refuse = (label: string, value: string, detail: string) =>
    causes.push({
      reason: "FieldValueInvalid",
      message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
      field: `metadata.labels[${label}]`,
    });
  const standard = (mode: string, otherwise: Level): Standard => {
    const found: Standard = { level: "privileged", version: Number.POSITIVE_INFINITY };
    const level = labels[prefix + mode];
    if (level !== undefined) {
      const known = levels.find((one) => one === level);
      if (!known) refuse(prefix + mode, level, `must be one of ${levels.join(", ")}`);
      found.level = known ?? otherwise;
    }
    const label = `${prefix}${mode}-version`;
    const version = labels[label];
    if (version !== undefined && version !== "latest") {
      const minor = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(version)?.[1];
      if (minor === undefined) refuse(label, version, 'must be "latest" or "v1.x"');
      else found.version = Number(minor);
    }
    return found;
  };
  const policy: Policy = {
    enforce: standard("enforce", "restricted"),
    audit: standard("audit", "privileged"),
    warn: standard("warn", "privileged"),
  };
  const { level } = policy.enforce;
  const silent = labels[`${prefix}warn`] === undefined && labels[`${prefix}enforce`] === level;
  if (silent && compareLevels(level, policy.warn.level) > 0) {
    policy.warn.level = level;
    if (labels[`${prefix}warn-version`] === undefined) policy.warn.version = policy.enforce.version;
  }
  return { policy, causes };
}

const inVersion = ({ versions }: Control, minor: number) => versions.findLast(([since]) => since <= minor)?.[1];

/** All that a standard says against a pod, in its controls' order. */
export function violations({ level, version }: Standard, pod: Subject): Violation[] {
  if (level === "privileged") return [];
  const added = level === "restricted" ? restricted.filter((control) => inVersion(control, version)) : [];
  const overridden = new Set(added.map(({ overrides }) => overrides));
  const controls = [...baseline.filter(({ id }) => !overridden.has(id)), ...added];
  return controls.flatMap((control) => inVersion(control, version)?.(pod) ?? []);
}

export const detailed = (found: Violation[]): string =>
  found.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(", ");
