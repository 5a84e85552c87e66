// Source: upstream's pkg/apis/core/validation: ValidatePodSpec and ValidatePodUpdate.
import type { Container, Pod, PodSpec, Toleration, Volume } from "@capstan/api/generated/core-v1";
import { equal, isLabelValue, isQualifiedName, parseQuantity, qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { isDnsLabel, isSubdomain, labelDetail, subdomainDetail, validateLabels } from "../metadata.ts";
import { checkContainers } from "./containers.ts";
import { checkEphemeral, checkEphemeralUpdate } from "./ephemeral.ts";
import { checkPodContext } from "./pod-context.ts";
import { addressDetail, checkOneOf, isAddress } from "./values.ts";

export function checkPodSpec(spec: PodSpec, field: string, errors: FieldErrors): void {
  const volumes = checkVolumes(spec.volumes ?? [], `${field}.volumes`, errors);
  const names = new Set<string>();
  if (!spec.containers?.length) errors.required(`${field}.containers`);
  checkContainers(spec.containers ?? [], `${field}.containers`, volumes, names, errors);
  checkContainers(spec.initContainers ?? [], `${field}.initContainers`, volumes, names, errors);
  checkEphemeral(spec, field, volumes, names, errors);
  for (const [i, { restartPolicy }] of (spec.initContainers ?? []).entries()) {
    const at = `${field}.initContainers[${i}]`;
    for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (spec.initContainers?.[i]?.[name] && restartPolicy !== "Always") {
        errors.forbidden(`${at}.${name}`, "may not be set for init containers without restartPolicy=Always");
      }
    }
    if (restartPolicy !== undefined)
      checkOneOf(restartPolicy, ["Always"], `${field}.initContainers[${i}].restartPolicy`, errors);
  }
  checkOneOf(spec.restartPolicy, ["Always", "Never", "OnFailure"], `${field}.restartPolicy`, errors);
  checkOneOf(
    spec.dnsPolicy,
    ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    `${field}.dnsPolicy`,
    errors,
  );
  if (
    spec.activeDeadlineSeconds !== undefined &&
    (spec.activeDeadlineSeconds < 1 || spec.activeDeadlineSeconds > 2 ** 31 - 1)
  ) {
    errors.invalid(
      `${field}.activeDeadlineSeconds`,
      spec.activeDeadlineSeconds,
      "must be between 1 and 2147483647, inclusive",
    );
  }
  checkNames(spec, field, errors);
  validateLabels(spec.nodeSelector, `${field}.nodeSelector`, errors);
  checkTolerations(spec.tolerations ?? [], `${field}.tolerations`, errors);
  checkPlacement(spec, field, errors);
  for (const [i, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (!isAddress(ip ?? "")) errors.invalid(`${field}.hostAliases[${i}].ip`, ip ?? "", addressDetail);
  }
  if (spec.dnsPolicy === "None" && !spec.dnsConfig) {
    errors.required(`${field}.dnsConfig`, "must provide `dnsConfig` when `dnsPolicy` is None");
  }
  checkPodContext(spec, field, errors);
}

const scheduling = "requiredDuringSchedulingIgnoredDuringExecution";

function checkPlacement(spec: PodSpec, field: string, errors: FieldErrors): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const terms = nodeAffinity?.[scheduling];
  if (terms && !terms.nodeSelectorTerms?.length) {
    const at = `${field}.affinity.nodeAffinity.${scheduling}.nodeSelectorTerms`;
    errors.required(at, "must have at least one node selector term");
  }
  for (const [name, affinity] of Object.entries({ podAffinity, podAntiAffinity })) {
    for (const [i, { topologyKey }] of (affinity?.[scheduling] ?? []).entries()) {
      checkTopologyKey(topologyKey, `${field}.affinity.${name}.${scheduling}[${i}].topologyKey`, errors);
    }
  }
  for (const [i, spread] of (spec.topologySpreadConstraints ?? []).entries()) {
    const at = `${field}.topologySpreadConstraints[${i}]`;
    if (!spread.maxSkew || spread.maxSkew < 0) {
      errors.invalid(`${at}.maxSkew`, spread.maxSkew ?? 0, "must be greater than zero");
    }
    if (!spread.topologyKey) errors.required(`${at}.topologyKey`, "can not be empty");
    const actions = ["DoNotSchedule", "ScheduleAnyway"];
    if (!actions.includes(spread.whenUnsatisfiable)) {
      errors.notSupported(`${at}.whenUnsatisfiable`, spread.whenUnsatisfiable ?? "", actions);
    }
  }
  const gates = new Set<string>();
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries()) {
    const at = `${field}.schedulingGates[${i}]`;
    for (const problem of qualifiedNameProblems(name ?? "")) errors.invalid(at, name ?? "", problem);
    if (gates.has(name)) errors.duplicate(at, name);
    gates.add(name);
  }
}

function checkTopologyKey(key: string | undefined, at: string, errors: FieldErrors): void {
  if (!key) errors.required(at, "can not be empty");
  for (const problem of qualifiedNameProblems(key ?? "")) errors.invalid(at, key ?? "", problem);
}

function checkNames(spec: PodSpec, field: string, errors: FieldErrors): void {
  const { serviceAccountName, nodeName, hostname, subdomain, priorityClassName } = spec;
  for (const [name, value] of Object.entries({ serviceAccountName, nodeName, priorityClassName })) {
    if (value && !isSubdomain(value)) errors.invalid(`${field}.${name}`, value, subdomainDetail);
  }
  for (const [name, value] of Object.entries({ hostname, subdomain })) {
    if (value && !isDnsLabel(value)) errors.invalid(`${field}.${name}`, value, labelDetail);
  }
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

/** Returns the names that containers may mount. */
function checkVolumes(volumes: Volume[], field: string, errors: FieldErrors): Set<string> {
  const names = new Set<string>();
  for (const [i, volume] of volumes.entries()) {
    const at = `${field}[${i}]`;
    const { name, ...source } = volume;
    if (!name) errors.required(`${at}.name`);
    else if (!isDnsLabel(name)) errors.invalid(`${at}.name`, name, labelDetail);
    else if (names.has(name)) errors.duplicate(`${at}.name`, name);
    names.add(name);
    const kinds = Object.keys(source);
    if (kinds.length === 0 && name) errors.required(at, "must specify a volume type");
    for (const kind of kinds.slice(1)) errors.forbidden(`${at}.${kind}`, "may not specify more than 1 volume type");
    if (volume.hostPath && !volume.hostPath.path) errors.required(`${at}.hostPath.path`);
    if (volume.hostPath?.path?.split("/").includes(".."))
      errors.invalid(`${at}.hostPath.path`, volume.hostPath.path, "must not contain '..'");
    const type = volume.hostPath?.type;
    if (type !== undefined && !hostPathTypes.includes(type)) {
      errors.notSupported(`${at}.hostPath.type`, type, hostPathTypes);
    }
    if (volume.emptyDir?.sizeLimit && parseQuantity(volume.emptyDir.sizeLimit) < 0) {
      errors.forbidden(`${at}.emptyDir.sizeLimit`, "SizeLimit field must be a valid resource quantity");
    }
    if (volume.configMap && !volume.configMap.name) errors.required(`${at}.configMap.name`);
    if (volume.secret && !volume.secret.secretName) errors.required(`${at}.secret.secretName`);
    if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName) {
      errors.required(`${at}.persistentVolumeClaim.claimName`);
    }
    checkItems(volume, at, errors);
  }
  return names;
}

function checkItems(volume: Volume, at: string, errors: FieldErrors): void {
  const lists = {
    configMap: volume.configMap?.items,
    secret: volume.secret?.items,
    downwardAPI: volume.downwardAPI?.items,
  };
  for (const [kind, items] of Object.entries(lists)) {
    for (const [i, item] of (items ?? []).entries()) {
      const field = `${at}.${kind}.items[${i}]`;
      if ("key" in item && !item.key) errors.required(`${field}.key`);
      if (!item.path) errors.required(`${field}.path`);
      else if (item.path.startsWith("/")) errors.invalid(`${field}.path`, item.path, "must be a relative path");
      else if (item.path.split("/").includes("..")) errors.invalid(`${field}.path`, item.path, "must not contain '..'");
    }
  }
}

function checkTolerations(tolerations: Toleration[], field: string, errors: FieldErrors): void {
  for (const [i, { key, operator, value, effect, tolerationSeconds }] of tolerations.entries()) {
    const at = `${field}[${i}]`;
    if (key && !isQualifiedName(key)) errors.invalid(`${at}.key`, key, "must be a qualified name");
    if (!key && operator !== "Exists")
      errors.invalid(
        `${at}.operator`,
        operator ?? "",
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      errors.invalid(`${at}.effect`, effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (operator === "Exists") {
      if (value) errors.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
    } else if (operator && operator !== "Equal") errors.notSupported(`${at}.operator`, operator, ["Equal", "Exists"]);
    else if (value && !isLabelValue(value)) errors.invalid(`${at}.operator`, value, "must be a valid label value");
    if (effect) checkOneOf(effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"], `${at}.effect`, errors);
  }
}

const immutable =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** @param subresource what is written: each may change other fields. */
export function checkPodUpdate(pod: Pod, old: Pod, subresource: string, errors: FieldErrors): void {
  if (subresource === "status" || subresource === "binding") return;
  const [next, before] = [structuredClone(pod.spec), structuredClone(old.spec)];
  if (subresource === "ephemeralcontainers") {
    checkEphemeralUpdate(pod, old, errors);
    delete next.ephemeralContainers;
    delete before.ephemeralContainers;
    if (!equal(next, before)) errors.forbidden("spec", "only `spec.ephemeralContainers` may be changed here");
    return;
  }
  if (subresource === "resize") {
    for (const container of [...containersOf(next), ...containersOf(before)]) delete container.resources;
    if (!equal(next, before)) errors.forbidden("spec", "only `spec.containers[*].resources` may be changed here");
    return;
  }
  const kept = (before.tolerations ?? []).every((toleration) =>
    (next.tolerations ?? []).some((t) => equal(withoutTime(t), withoutTime(toleration))),
  );
  if (!kept)
    errors.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
  for (const spec of [next, before]) {
    delete spec.tolerations;
    delete spec.activeDeadlineSeconds;
    for (const container of containersOf(spec)) delete container.image;
  }
  // A gate may be taken away, and what schedules a gated pod may be narrowed.
  if (before.schedulingGates?.length) {
    const present = new Set(before.schedulingGates.map(({ name }) => name));
    const added = (next.schedulingGates ?? []).some(({ name }) => !present.has(name));
    if (added) errors.forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gates");
    for (const spec of [next, before])
      for (const field of ["schedulingGates", "nodeSelector", "affinity"] as const) delete spec[field];
  }
  if (!equal(next, before)) errors.forbidden("spec", immutable);
}

const withoutTime = ({ tolerationSeconds: _seconds, ...rest }: Toleration) => rest;
const containersOf = (spec: PodSpec): Container[] => [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
