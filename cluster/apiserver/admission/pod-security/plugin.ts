import type { Namespace, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { Namespaces, Pods } from "@capstan/api/generated/resources";
import { equal, invalid } from "@capstan/api/meta";
import { forbiddenObject } from "../../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../../request.ts";
import { compareLevels, detailed, type Policy, policyOf, sameStandard, shownStandard, violations } from "./policy.ts";
import { containersOf, type Subject } from "./setters.ts";

const prefix = "pod-security.kubernetes.io/";

/** What holds templates of pods: their warnings come when they are written, before any pod fails. */
const templated = new Set([
  "deployments",
  "replicasets",
  "statefulsets",
  "daemonsets",
  "jobs",
  "cronjobs",
  "replicationcontrollers",
  "podtemplates",
]);

/** Subresources of pods that leave the pod's specification alone. */
const ignored = new Set(["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"]);

/** The Pod Security Standards, as the namespace's labels ask for them. Source: k8s.io/pod-security-admission/admission. */
export function createPodSecurity(view: View): AdmissionPlugin {
  return {
    name: "PodSecurity",
    validate: (attributes) => {
      const { info, operation, object, namespace } = attributes;
      if (!object || (operation !== "CREATE" && operation !== "UPDATE")) return;
      if (info.group === "" && info.resource === "namespaces") {
        if (info.subresource === "") checkNamespace(view, attributes);
        return;
      }
      const isPod = info.group === "" && info.resource === "pods";
      if (!isPod && (!templated.has(info.resource) || info.subresource !== "")) return;
      if (isPod && ignored.has(info.subresource)) return;
      const { policy, causes } = policyOf(view.get(Namespaces, { name: namespace })?.metadata.labels);
      const { enforce, audit, warn } = policy;
      if ([...(isPod ? [enforce] : []), audit, warn].every(({ level }) => level === "privileged")) {
        if (isPod) attributes.annotate?.(`${prefix}enforce-policy`, shownStandard(enforce));
        return;
      }
      const pod = podOf(attributes);
      if (!pod || (isPod && !isSignificant(pod, attributes.oldObject as Pod | undefined))) return;
      if (causes.length > 0) {
        const text = causes.map(({ field, message }) => `${field}: ${message}`).join(", ");
        attributes.annotate?.(`${prefix}error`, `Failed to parse policy: ${causes.length > 1 ? `[${text}]` : text}`);
      }
      evaluate(attributes, policy, pod, isPod);
    },
  };
}

function evaluate(attributes: Attributes, { enforce, audit, warn }: Policy, pod: Subject, isPod: boolean): void {
  const enforced = isPod ? violations(enforce, pod) : [];
  if (isPod) attributes.annotate?.(`${prefix}enforce-policy`, shownStandard(enforce));
  const audited = violations(audit, pod);
  const would = (standard: Policy["warn"], found: ReturnType<typeof violations>) =>
    `would violate PodSecurity "${shownStandard(standard)}": ${detailed(found)}`;
  if (audited.length > 0) attributes.annotate?.(`${prefix}audit-violations`, would(audit, audited));
  if (enforced.length > 0) {
    const text = `violates PodSecurity "${shownStandard(enforce)}": ${detailed(enforced)}`;
    throw forbiddenObject(attributes.info, attributes.name, text);
  }
  const warned = violations(warn, pod);
  if (warned.length > 0) attributes.warn(would(warn, warned));
}

/** Whether an update changes what runs. */
function isSignificant(pod: Subject, old: Pod | undefined): boolean {
  if (!old) return true;
  const { containers = [], initContainers = [] } = pod.spec;
  if (containers.length !== (old.spec.containers ?? []).length) return true;
  if (initContainers.length !== (old.spec.initContainers ?? []).length) return true;
  const before = new Map(containersOf(old.spec).map(({ name, image }) => [name, image]));
  return containersOf(pod.spec).some(({ name, image }) => !before.has(name) || before.get(name) !== image);
}

function podOf({ info, object }: Attributes): Subject | undefined {
  if (info.resource === "pods") return object as Pod;
  const { spec, template: own } = object as unknown as {
    spec?: { template?: Template; jobTemplate?: { spec?: { template?: Template } } };
    template?: Template;
  };
  const template = own ?? spec?.template ?? spec?.jobTemplate?.spec?.template;
  return template?.spec ? { metadata: { name: "", ...template.metadata }, spec: template.spec } : undefined;
}
interface Template {
  metadata?: object;
  spec?: PodSpec;
}

/** Refuses labels that say nothing, and warns of pods that are there already. */
function checkNamespace(view: View, attributes: Attributes): void {
  const namespace = attributes.object as Namespace;
  const { policy, causes } = policyOf(namespace.metadata.labels);
  const before = policyOf(attributes.oldObject?.metadata.labels);
  const isNew = attributes.operation === "CREATE";
  if (causes.length > 0 && (isNew || !equal(causes, before.causes)))
    throw invalid({ group: "", kind: "Namespace" }, attributes.name, causes);
  const { enforce } = policy;
  const old = before.policy.enforce;
  if (isNew || sameStandard(enforce, old) || enforce.level === "privileged") return;
  if (enforce.version === old.version && compareLevels(enforce.level, old.level) < 1) return;
  for (const warning of warningsOf(view, namespace.metadata.name, policy)) attributes.warn(warning);
}

/** Pods of a namespace that are looked at when it becomes stricter. */
const checkedPods = 3000;

function warningsOf(view: View, namespace: string, { enforce }: Policy): string[] {
  const pods = view.list(Pods, namespace);
  const byReason = new Map<string, string[]>();
  for (const pod of pods.slice(0, checkedPods)) {
    const found = violations(enforce, pod);
    if (found.length === 0) continue;
    const reason = found.map((one) => one.reason).join(", ");
    byReason.set(reason, [...(byReason.get(reason) ?? []), pod.metadata.name]);
  }
  const lines = [...byReason].map(([reason, names]) => {
    const [first] = names.toSorted();
    const others = names.length - 1;
    const more = others === 0 ? "" : ` (and ${others} other ${others === 1 ? "pod" : "pods"})`;
    return `${first}${more}: ${reason}`;
  });
  return [
    ...(pods.length > checkedPods
      ? [`new PodSecurity enforce level only checked against the first ${checkedPods} of ${pods.length} existing pods`]
      : []),
    ...(lines.length > 0
      ? [
          `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${shownStandard(enforce)}"`,
        ]
      : []),
    ...lines.sort(),
  ];
}
