import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from "@capstan/api/generated/core-v1";
import { LimitRanges } from "@capstan/api/generated/resources";
import { parseQuantity } from "@capstan/api/meta";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";
import { containersOf, createdPod } from "./of-pods.ts";
import { podResources } from "./pod-resources.ts";

type Amounts = Record<string, string>;

/** Gives containers the namespace's default requests and limits, and refuses what is beyond its bounds. Source: kubernetes/plugin/pkg/admission/limitranger. */
export function createLimitRanger(view: View): AdmissionPlugin {
  const items = (namespace: string, type: string) =>
    view
      .list(LimitRanges, namespace)
      .flatMap(({ spec }: LimitRange) => (spec.limits ?? []).filter((item) => item.type === type));
  return {
    name: "LimitRanger",
    admit: (attributes) => {
      const pod = createdPod(attributes);
      if (pod) for (const item of items(attributes.namespace, "Container")) applyDefaults(pod, item);
    },
    validate: (attributes) => {
      const problems: string[] = [];
      const pod = createdPod(attributes);
      if (pod) {
        for (const item of items(attributes.namespace, "Container")) {
          for (const { resources = {} } of containersOf(pod)) check(item, resources, problems);
        }
        const podItems = items(attributes.namespace, "Pod");
        if (podItems.length > 0) for (const item of podItems) check(item, podResources(pod), problems);
      }
      const claim = createdClaim(attributes);
      if (claim)
        for (const item of items(attributes.namespace, "PersistentVolumeClaim"))
          check(item, { requests: claim.spec.resources?.requests }, problems);
      if (problems.length === 0) return;
      const text = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
      throw forbiddenObject(attributes.info, attributes.name, text);
    },
  };
}

function createdClaim({ operation, info, object }: Attributes): PersistentVolumeClaim | undefined {
  const isClaim = info.group === "" && info.resource === "persistentvolumeclaims" && info.subresource === "";
  return isClaim && operation !== "DELETE" ? (object as PersistentVolumeClaim | undefined) : undefined;
}

/** A bound that is not said follows from the others. Source: core/v1's SetDefaults_LimitRangeItem. */
function applyDefaults(pod: Pod, item: LimitRangeItem): void {
  const limits: Amounts = { ...item.max, ...item.default };
  const requests: Amounts = { ...item.min, ...limits, ...item.defaultRequest };
  const give = (list: Container[] | undefined, what: string) => {
    for (const container of list ?? []) {
      const set = [...fill(container, "requests", requests), ...fill(container, "limits", limits)];
      for (const text of set) annotate(pod, `${text} for ${what} ${container.name}`);
    }
  };
  give(pod.spec.containers, "container");
  give(pod.spec.initContainers, "init container");
}

function fill(container: Container, field: "requests" | "limits", defaults: Amounts): string[] {
  const present = container.resources?.[field] ?? {};
  const missing = Object.keys(defaults)
    .filter((name) => present[name] === undefined)
    .sort();
  if (missing.length === 0) return [];
  const added = Object.fromEntries(missing.map((name) => [name, defaults[name] ?? "0"]));
  container.resources = { ...container.resources, [field]: { ...present, ...added } };
  return [`${missing.join(", ")} ${field === "requests" ? "request" : "limit"}`];
}

const annotation = "kubernetes.io/limit-ranger";

function annotate({ metadata }: Pod, text: string): void {
  const present = metadata.annotations?.[annotation];
  metadata.annotations = {
    ...metadata.annotations,
    [annotation]: present ? `${present}; ${text}` : `LimitRanger plugin set: ${text}`,
  };
}

function check(
  item: LimitRangeItem,
  { requests = {}, limits = {} }: { requests?: Amounts; limits?: Amounts },
  problems: string[],
): void {
  const { type } = item;
  for (const [name, bound] of Object.entries(item.min ?? {})) {
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) problems.push(`minimum ${name} usage per ${type} is ${bound}. No request is specified`);
    else if (parseQuantity(request) < parseQuantity(bound))
      problems.push(`minimum ${name} usage per ${type} is ${bound}, but request is ${request}`);
    else if (limit !== undefined && parseQuantity(limit) < parseQuantity(bound))
      problems.push(`minimum ${name} usage per ${type} is ${bound}, but limit is ${limit}`);
  }
  for (const [name, bound] of Object.entries(item.max ?? {})) {
    const [request, limit] = [requests[name], limits[name]];
    // A claim has no limits: its request is what it takes.
    if (limit === undefined && type !== "PersistentVolumeClaim")
      problems.push(`maximum ${name} usage per ${type} is ${bound}. No limit is specified`);
    else if (limit !== undefined && parseQuantity(limit) > parseQuantity(bound))
      problems.push(`maximum ${name} usage per ${type} is ${bound}, but limit is ${limit}`);
    else if (request !== undefined && parseQuantity(request) > parseQuantity(bound))
      problems.push(`maximum ${name} usage per ${type} is ${bound}, but request is ${request}`);
  }
  for (const [name, bound] of Object.entries(item.maxLimitRequestRatio ?? {}))
    checkRatio(type, name, bound, requests[name], limits[name], problems);
}

function checkRatio(
  type: string,
  name: string,
  bound: string,
  request: string | undefined,
  limit: string | undefined,
  problems: string[],
): void {
  const base = `${name} max limit to request ratio per ${type} is ${bound}`;
  const [asked, most] = [parseQuantity(request ?? 0), parseQuantity(limit ?? 0)];
  if (asked === 0) problems.push(`${base}, but no request is specified or request is 0`);
  else if (most === 0) problems.push(`${base}, but no limit is specified or limit is 0`);
  else if (most / asked > parseQuantity(bound))
    problems.push(`${base}, but provided ratio is ${(most / asked).toFixed(6)}`);
}
