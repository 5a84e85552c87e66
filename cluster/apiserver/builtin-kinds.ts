import resources from "@capstan/api/generated/resources.json" with { type: "json" };
import { builtinSchema } from "@capstan/api/schema";
import { autoscalerConversion } from "./conversion/autoscalers.ts";
import { eventConversion } from "./conversion/events.ts";
import type { Kind, Rules, ScalePaths } from "./kind.ts";
import { builtinColumns } from "./table/builtin.ts";

interface ResourceFact {
  group: string;
  version: string;
  resource: string;
  kind: string;
  type: string;
  namespaced: boolean;
  verbs: string[];
  subresources: string[];
}

/** Source: the ShortNames of upstream's registry/<group>/<resource>/storage. */
const shortNames: Record<string, string[]> = {
  componentstatuses: ["cs"],
  configmaps: ["cm"],
  endpoints: ["ep"],
  events: ["ev"],
  limitranges: ["limits"],
  namespaces: ["ns"],
  nodes: ["no"],
  persistentvolumeclaims: ["pvc"],
  persistentvolumes: ["pv"],
  pods: ["po"],
  replicationcontrollers: ["rc"],
  resourcequotas: ["quota"],
  serviceaccounts: ["sa"],
  services: ["svc"],
  customresourcedefinitions: ["crd", "crds"],
  daemonsets: ["ds"],
  deployments: ["deploy"],
  replicasets: ["rs"],
  statefulsets: ["sts"],
  horizontalpodautoscalers: ["hpa"],
  cronjobs: ["cj"],
  certificatesigningrequests: ["csr"],
  ingresses: ["ing"],
  ipaddresses: ["ip"],
  networkpolicies: ["netpol"],
  poddisruptionbudgets: ["pdb"],
  priorityclasses: ["pc"],
  storageclasses: ["sc"],
  volumeattributesclasses: ["vac"],
};
const inAll = new Set([
  "pods",
  "replicationcontrollers",
  "services",
  "daemonsets",
  "deployments",
  "replicasets",
  "statefulsets",
  "horizontalpodautoscalers",
  "cronjobs",
  "jobs",
]);
const categories: Record<string, string[]> = {
  customresourcedefinitions: ["api-extensions"],
  apiservices: ["api-extensions"],
  mutatingwebhookconfigurations: ["api-extensions"],
  validatingwebhookconfigurations: ["api-extensions"],
  validatingadmissionpolicies: ["api-extensions"],
  validatingadmissionpolicybindings: ["api-extensions"],
};
const replicas: ScalePaths = { spec: ".spec.replicas", status: ".status.replicas", selector: ".status.selector" };
const deprecations: Record<string, string> = {
  "/v1/endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
};
const discoveryVerbs: Record<string, string> = { post: "create", put: "update" };

/** Two names of the same objects: events of the core group and of events.k8s.io, both versions of autoscalers. */
const storedAs: Record<string, { prefix: string; version: string }> = {
  "events.k8s.io/events": { prefix: "core/events/", version: "v1" },
  "autoscaling/horizontalpodautoscalers": {
    prefix: "autoscaling/horizontalpodautoscalers/",
    version: "autoscaling/v2",
  },
};

/** Versions that are not the stored one, and differ by more than their name. */
const conversions: Record<string, NonNullable<Kind["convert"]>> = {
  "events.k8s.io/v1/events": eventConversion,
  "autoscaling/v1/horizontalpodautoscalers": autoscalerConversion,
};

/** Every built-in resource that stores objects, or that an endpoint answers for. */
export function builtinKinds(rules: Map<string, Rules>): Kind[] {
  return (resources as ResourceFact[]).map((fact) => kindOf(fact, rules));
}

function kindOf(fact: ResourceFact, rules: Map<string, Rules>): Kind {
  const { group, version, resource, kind, namespaced, subresources } = fact;
  const schema = builtinSchema(fact.type);
  const ownVersion = group === "" ? version : `${group}/${version}`;
  const stored = storedAs[`${group}/${resource}`];
  const verbs = fact.verbs.map((verb) => discoveryVerbs[verb] ?? verb);
  if (verbs.includes("list") && resource !== "componentstatuses") verbs.push("watch");
  const own = rules.get(`${group}/${version}/${resource}`) ?? rules.get(`${group}/${resource}`) ?? {};
  const columns = builtinColumns[`${group}/${version}/${resource}`] ?? builtinColumns[`${group}/${resource}`];
  const convert = conversions[`${group}/${version}/${resource}`];
  return {
    ...(convert ? { convert } : {}),
    group,
    version,
    resource,
    kind,
    namespaced,
    subresources,
    schema,
    ...(deprecations[`${group}/${version}/${resource}`]
      ? { deprecation: deprecations[`${group}/${version}/${resource}`] }
      : {}),
    singular: kind.toLowerCase(),
    shortNames: shortNames[resource] ?? [],
    categories: inAll.has(resource) ? ["all"] : (categories[resource] ?? []),
    listKind: `${kind}List`,
    verbs: [...new Set(verbs)].sort(),
    statusSubresource: subresources.includes("status"),
    ...(subresources.includes("scale") ? { scale: replicas } : {}),
    rules: columns ? { ...own, columns } : own,
    prefix: stored?.prefix ?? `${group || "core"}/${resource}/`,
    storedVersion: stored?.version ?? ownVersion,
  };
}
