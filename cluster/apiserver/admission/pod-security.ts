import type { Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";
import { baselineChecks, type Check, restrictedChecks } from "./pod-security-checks.ts";

const prefix = "pod-security.kubernetes.io/";
const checks: Record<string, readonly Check[]> = {
  baseline: baselineChecks,
  restricted: [...baselineChecks, ...restrictedChecks],
};

/** What holds templates of pods: their warnings come when they are written, before any pod fails. */
const templated = new Set([
  "deployments",
  "replicasets",
  "statefulsets",
  "daemonsets",
  "jobs",
  "cronjobs",
  "replicationcontrollers",
]);

/** The Pod Security Standards, as the namespace's labels ask for them. Source: k8s.io/pod-security-admission. */
export function createPodSecurity(view: View): AdmissionPlugin {
  return {
    name: "PodSecurity",
    validate: (attributes) => {
      const { info, operation, object, namespace } = attributes;
      if (operation === "DELETE" || operation === "CONNECT" || !object || !isChecked(attributes)) return;
      const labels = view.get(Namespaces, { name: namespace })?.metadata.labels ?? {};
      const [enforce, warn] = [labels[`${prefix}enforce`], labels[`${prefix}warn`]];
      if (!checks[enforce ?? ""] && !checks[warn ?? ""]) return;
      const pod = podOf(attributes);
      if (!pod) return;
      if (info.resource === "pods") {
        const violations = violationsOf(enforce, labels[`${prefix}enforce-version`], pod);
        if (violations) throw forbiddenObject(info, attributes.name, `violates PodSecurity ${violations}`);
      }
      const warnings = violationsOf(
        warn ?? (info.resource === "pods" ? undefined : enforce),
        labels[`${prefix}warn-version`],
        pod,
      );
      if (warnings) attributes.warn(`would violate PodSecurity ${warnings}`);
    },
  };
}

function isChecked({ info }: Attributes): boolean {
  if (info.resource === "pods") return info.subresource === "" || info.subresource === "ephemeralcontainers";
  return templated.has(info.resource) && info.subresource === "";
}

function podOf({ info, object }: Attributes): Pick<Pod, "metadata" | "spec"> | undefined {
  if (info.resource === "pods") return object as Pod;
  const { spec } = object as unknown as {
    spec: { template?: Template; jobTemplate?: { spec?: { template?: Template } } };
  };
  const template = spec.template ?? spec.jobTemplate?.spec?.template;
  return template?.spec ? { metadata: { name: "", ...template.metadata }, spec: template.spec } : undefined;
}
interface Template {
  metadata?: object;
  spec?: PodSpec;
}

function violationsOf(
  level: string | undefined,
  version: string | undefined,
  pod: Pick<Pod, "metadata" | "spec">,
): string | undefined {
  const found = (checks[level ?? ""] ?? []).flatMap((check) => {
    const detail = check.find(pod);
    return detail ? [`${check.name} (${detail})`] : [];
  });
  return found.length > 0 ? `"${level}:${version ?? "latest"}": ${found.join(", ")}` : undefined;
}
