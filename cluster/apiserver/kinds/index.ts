// What is particular to each built-in kind: defaults, preparation, validation, columns.
import type {
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
} from "@capstan/api/generated/core-v1";
import type { Aggregation } from "../aggregation/index.ts";
import { definitionRules } from "../custom/definition-rules.ts";
import type { Definitions } from "../custom/definitions.ts";
import type { FieldErrors } from "../field-errors.ts";
import type { Rules } from "../kind.ts";
import { timeNow } from "../metadata.ts";
import type { ServiceAddresses } from "../service-addresses.ts";
import { checkAutoscaler } from "../validation/autoscalers.ts";
import { checkCertificateRequest } from "../validation/certificates.ts";
import * as checks from "../validation/core.ts";
import { checkIngress, checkIngressClass } from "../validation/ingresses.ts";
import * as limits from "../validation/limits.ts";
import { checkNetworkPolicy } from "../validation/network-policies.ts";
import * as services from "../validation/services.ts";
import {
  checkDaemonSetStatus,
  checkDeploymentStatus,
  checkReplicaSetStatus,
  checkStatefulSetStatus,
} from "../validation/statuses.ts";
import { checkVolume } from "../validation/volumes.ts";
import * as sets from "../validation/workloads.ts";
import * as core from "./core-defaults.ts";
import * as devices from "./device-defaults.ts";
import { jobRules } from "./jobs.ts";
import { podRules } from "./pods.ts";
import { serviceRules } from "./services.ts";
import * as workloads from "./workload-defaults.ts";

const namespaces: Rules<Namespace> = {
  defaults(namespace) {
    if (!namespace.metadata.name) return;
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      "kubernetes.io/metadata.name": namespace.metadata.name,
    };
  },
  prepare(namespace, old, { subresource }) {
    if (!old) {
      namespace.spec = {
        ...namespace.spec,
        finalizers: [...new Set([...(namespace.spec?.finalizers ?? []), "kubernetes"])],
      };
      namespace.status = { phase: "Active" };
    } else if (subresource !== "finalize") namespace.spec = structuredClone(old.spec);
  },
  fields: {
    "status.phase": (namespace) => namespace.status?.phase ?? "",
  },
};

/** What nobody has said of a node. */
const unknownNode = {
  architecture: "",
  bootID: "",
  containerRuntimeVersion: "",
  kernelVersion: "",
  kubeProxyVersion: "",
  kubeletVersion: "",
  machineID: "",
  operatingSystem: "",
  osImage: "",
  systemUUID: "",
};

const nodes: Rules<Node> = {
  validate: limits.checkNode,
  statusOnCreate: true,
  defaults: (node) => {
    node.spec ??= {};
    if (node.status?.nodeInfo) node.status.nodeInfo = { ...unknownNode, ...node.status.nodeInfo };
  },
  fields: { "spec.unschedulable": (node) => String(node.spec.unschedulable ?? false) },
};

const claims: Rules<PersistentVolumeClaim> = {
  defaults: workloads.defaultClaim,
  validate: checks.checkClaim,
  prepare(claim, old) {
    if (!old) claim.status = { phase: "Pending" };
  },
};

const volumes: Rules<PersistentVolume> = {
  defaults: core.defaultVolume,
  validate: checkVolume,
  prepare(volume, old, { subresource }) {
    const lastPhaseTransitionTime = timeNow();
    if (!old) volume.status = { phase: "Pending", lastPhaseTransitionTime };
    else if (subresource === "status" && volume.status && volume.status.phase !== old.status?.phase) {
      volume.status.lastPhaseTransitionTime = lastPhaseTransitionTime;
    }
  },
};

const eventFields: Rules<Event>["fields"] = {
  "involvedObject.kind": (event) => event.involvedObject?.kind ?? "",
  "involvedObject.namespace": (event) => event.involvedObject?.namespace ?? "",
  "involvedObject.name": (event) => event.involvedObject?.name ?? "",
  "involvedObject.uid": (event) => event.involvedObject?.uid ?? "",
  "involvedObject.apiVersion": (event) => event.involvedObject?.apiVersion ?? "",
  "involvedObject.resourceVersion": (event) => event.involvedObject?.resourceVersion ?? "",
  "involvedObject.fieldPath": (event) => event.involvedObject?.fieldPath ?? "",
  reason: (event) => event.reason ?? "",
  reportingComponent: (event) => event.reportingComponent ?? "",
  source: (event) => event.source?.component ?? event.reportingComponent ?? "",
  type: (event) => event.type ?? "",
};

/** Source: upstream's AddFieldLabelConversionsForEvent of events.k8s.io. */
const newEventFields: Record<string, string> = {
  reason: "reason",
  type: "type",
  reportingController: "reportingComponent",
  ...Object.fromEntries(
    ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => {
      return [`regarding.${field}`, `involvedObject.${field}`];
    }),
  ),
};

const secrets: Rules<Secret> = {
  defaults: core.defaultSecret,
  validate: checks.checkSecret,
  fields: { type: (secret) => secret.type ?? "" },
};

const replicaFields: Rules["fields"] = { "status.replicas": (object) => String(object.status?.replicas ?? 0) };

/** `/status` is looked at by itself, and so is everything else. */
function byPart(
  whole: NonNullable<Rules["validate"]>,
  status: (object: { status?: object }, errors: FieldErrors) => void,
): NonNullable<Rules["validate"]> {
  return (object, errors, old, subresource) =>
    subresource === "status" ? status(object, errors) : whole(object, errors, old, subresource);
}

const appRules: Record<string, Rules> = {
  "apps/deployments": {
    defaults: workloads.defaultDeployment,
    validate: byPart(sets.checkDeployment, checkDeploymentStatus),
  },
  "apps/replicasets": {
    defaults: workloads.defaultReplicaSet,
    validate: byPart(sets.checkReplicaSet, checkReplicaSetStatus),
  },
  "apps/statefulsets": {
    defaults: workloads.defaultStatefulSet,
    prepare(set) {
      set.status ??= {};
      set.status.availableReplicas ??= 0;
    },
    validate: byPart(sets.checkStatefulSet, checkStatefulSetStatus),
  },
  "apps/daemonsets": {
    defaults: workloads.defaultDaemonSet,
    prepare: workloads.prepareDaemonSet,
    validate: byPart(sets.checkDaemonSet, checkDaemonSetStatus),
  },
};

const deviceRules: Record<string, Rules> = {
  "networking.k8s.io/ingressclasses": { defaults: devices.defaultIngressClass, validate: checkIngressClass },
  "flowcontrol.apiserver.k8s.io/flowschemas": { defaults: devices.defaultFlowSchema },
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": { defaults: devices.defaultPriorityLevel },
  "resource.k8s.io/resourceclaims": { defaults: devices.defaultResourceClaim },
  "resource.k8s.io/resourceclaimtemplates": { defaults: devices.defaultResourceClaimTemplate },
  "storage.k8s.io/csidrivers": { defaults: devices.defaultDriver },
};

/** Rules by `group/resource`, or `group/version/resource` where versions differ. */
export function builtinRules(
  addresses: ServiceAddresses,
  definitions: Definitions,
  aggregation: Aggregation,
): Map<string, Rules> {
  const rules: Record<string, Rules> = {
    "/pods": podRules,
    "/podtemplates": { defaults: (object) => object.template && workloads.defaultTemplate(object.template) },
    "/namespaces": namespaces,
    "/nodes": nodes,
    "/persistentvolumeclaims": claims,
    "/persistentvolumes": volumes,
    "/events": {
      fields: eventFields,
      validate: checks.checkEvent,
      prepare(event) {
        event.reportingComponent ??= "";
        event.reportingInstance ??= "";
      },
    },
    "events.k8s.io/events": { fields: eventFields, fieldNames: newEventFields },
    "/configmaps": { validate: checks.checkConfigMap },
    "/resourcequotas": { validate: limits.checkQuota },
    "/secrets": secrets,
    "/services": serviceRules(addresses),
    "/endpoints": { defaults: core.defaultEndpoints, validate: services.checkEndpoints },
    "/limitranges": { defaults: core.defaultLimitRange, validate: limits.checkLimitRange },
    "/replicationcontrollers": {
      defaults: workloads.defaultReplicationController,
      orphans: {},
      fields: replicaFields,
      validate: sets.checkReplicationController,
    },
    "apiextensions.k8s.io/customresourcedefinitions": {
      ...definitionRules(definitions.conflictOf),
      stored: definitions.stored,
      deleted: definitions.removed,
    },
    "apiregistration.k8s.io/apiservices": aggregation.rules,
    ...appRules,
    "batch/jobs": jobRules,
    "batch/cronjobs": { defaults: workloads.defaultCronJob, validate: sets.checkCronJob },
    "autoscaling/v1/horizontalpodautoscalers": {
      defaults(object) {
        object.spec ??= {};
        object.spec.minReplicas ??= 1;
      },
      validate: checkAutoscaler,
    },
    "autoscaling/v2/horizontalpodautoscalers": { defaults: core.defaultAutoscaler, validate: checkAutoscaler },
    "discovery.k8s.io/endpointslices": { defaults: core.defaultEndpointSlice, validate: services.checkEndpointSlice },
    "networking.k8s.io/ingresses": { validate: checkIngress },
    "policy/poddisruptionbudgets": { validate: checks.checkBudget },
    "scheduling.k8s.io/priorityclasses": { defaults: core.defaultPriorityClass, validate: checks.checkPriorityClass },
    "certificates.k8s.io/certificatesigningrequests": {
      validate: checkCertificateRequest,
      fields: { "spec.signerName": (request) => request.spec?.signerName ?? "" },
    },
    "coordination.k8s.io/leases": { validate: checks.checkLease },
    "networking.k8s.io/networkpolicies": { defaults: core.defaultNetworkPolicy, validate: checkNetworkPolicy },
    "rbac.authorization.k8s.io/roles": { validate: checks.checkRole },
    "rbac.authorization.k8s.io/clusterroles": { validate: checks.checkRole },
    "rbac.authorization.k8s.io/rolebindings": { defaults: core.defaultBinding, validate: checks.checkBinding },
    "rbac.authorization.k8s.io/clusterrolebindings": { defaults: core.defaultBinding, validate: checks.checkBinding },
    ...deviceRules,
    "storage.k8s.io/storageclasses": { defaults: core.defaultStorageClass, validate: checks.checkStorageClass },
    "admissionregistration.k8s.io/mutatingwebhookconfigurations": { defaults: core.defaultWebhooks },
    "admissionregistration.k8s.io/validatingwebhookconfigurations": { defaults: core.defaultWebhooks },
    "admissionregistration.k8s.io/validatingadmissionpolicies": { defaults: core.defaultAdmissionPolicy },
  };
  return new Map(Object.entries(rules));
}
