import type {
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "@capstan/api/generated/admissionregistration-v1";
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import type { APIService } from "@capstan/api/generated/apiregistration-v1";
import type { ControllerRevision } from "@capstan/api/generated/apps-v1";
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { Lease } from "@capstan/api/generated/coordination-v1";
import type { PersistentVolume, PersistentVolumeClaim } from "@capstan/api/generated/core-v1";
import type { FlowSchema, PriorityLevelConfiguration } from "@capstan/api/generated/flowcontrol-v1";
import type { RuntimeClass } from "@capstan/api/generated/node-v1";
import type { ClusterRole, ClusterRoleBinding } from "@capstan/api/generated/rbac-v1";
import type { PriorityClass } from "@capstan/api/generated/scheduling-v1";
import type { CSIDriver, CSINode, StorageClass, VolumeAttachment } from "@capstan/api/generated/storage-v1";
import { humanDuration } from "./age.ts";
import { ageColumn, type Column, count, nameColumn, text, wide } from "./column.ts";

const shortModes: Record<string, string> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
const modesText = (modes: string[] | undefined) => (modes ?? []).map((mode) => shortModes[mode] ?? mode).join(",");

const volumeColumns: Column<PersistentVolume>[] = [
  nameColumn,
  text("Capacity", ({ spec }) => spec.capacity?.storage ?? "0"),
  text("Access Modes", ({ spec }) => modesText(spec.accessModes)),
  text("Reclaim Policy", ({ spec }) => spec.persistentVolumeReclaimPolicy ?? ""),
  text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""))),
  text("Claim", ({ spec: { claimRef } }) => (claimRef ? `${claimRef.namespace}/${claimRef.name}` : "")),
  text("StorageClass", ({ spec }) => spec.storageClassName ?? ""),
  text("VolumeAttributesClass", ({ spec }) => spec.volumeAttributesClassName ?? "<unset>"),
  text("Reason", ({ status }) => status?.reason ?? ""),
  ageColumn,
  wide("VolumeMode", ({ spec }) => spec.volumeMode ?? "<unset>"),
];

const claimColumns: Column<PersistentVolumeClaim>[] = [
  nameColumn,
  text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""))),
  text("Volume", ({ spec }) => spec.volumeName ?? ""),
  text("Capacity", ({ spec, status }) => (spec.volumeName ? (status?.capacity?.storage ?? "0") : "")),
  text("Access Modes", ({ spec, status }) => (spec.volumeName ? modesText(status?.accessModes) : "")),
  text("StorageClass", ({ spec }) => spec.storageClassName ?? ""),
  text("VolumeAttributesClass", ({ spec }) => spec.volumeAttributesClassName ?? "<unset>"),
  ageColumn,
  wide("VolumeMode", ({ spec }) => spec.volumeMode ?? "<unset>"),
];

const storageClassColumns: Column<StorageClass>[] = [
  {
    ...nameColumn,
    cell({ metadata }) {
      const mark = metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
      return mark ? `${metadata.name} (default)` : metadata.name;
    },
  },
  text("Provisioner", ({ provisioner }) => provisioner),
  text("ReclaimPolicy", ({ reclaimPolicy }) => reclaimPolicy ?? "Delete"),
  text("VolumeBindingMode", ({ volumeBindingMode }) => volumeBindingMode ?? "<unset>"),
  text("AllowVolumeExpansion", ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
  ageColumn,
];

const attachmentColumns: Column<VolumeAttachment>[] = [
  nameColumn,
  { ...text<VolumeAttachment>("Attacher", ({ spec }) => spec.attacher), format: "name" },
  text("PV", ({ spec }) => spec.source.persistentVolumeName ?? ""),
  text("Node", ({ spec }) => spec.nodeName),
  { name: "Attached", type: "boolean", cell: ({ status }) => status?.attached ?? false },
  ageColumn,
];

const csiNodeColumns: Column<CSINode>[] = [nameColumn, count("Drivers", ({ spec }) => spec.drivers.length), ageColumn];
const csiDriverColumns: Column<CSIDriver>[] = [
  nameColumn,
  { name: "AttachRequired", type: "boolean", cell: ({ spec }) => spec.attachRequired ?? true },
  { name: "PodInfoOnMount", type: "boolean", cell: ({ spec }) => spec.podInfoOnMount ?? false },
  { name: "StorageCapacity", type: "boolean", cell: ({ spec }) => spec.storageCapacity ?? false },
  text("TokenRequests", ({ spec }) => spec.tokenRequests?.map(({ audience }) => audience).join(",") || "<unset>"),
  { name: "RequiresRepublish", type: "boolean", cell: ({ spec }) => spec.requiresRepublish ?? false },
  text("Modes", ({ spec }) => spec.volumeLifecycleModes?.join(",") || "<none>"),
  ageColumn,
];

const creationColumn: Column<ClusterRole> = {
  name: "Created At",
  type: "date",
  cell: ({ metadata }) => metadata.creationTimestamp,
};
const roleColumns: Column<ClusterRole>[] = [nameColumn, creationColumn];

const subjects = ({ subjects: list }: ClusterRoleBinding, kind: string) =>
  (list ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name }) => (kind === "ServiceAccount" ? `${namespace}/${name}` : name))
    .join(", ");

const bindingColumns: Column<ClusterRoleBinding>[] = [
  nameColumn,
  text("Role", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide("Users", (binding) => subjects(binding, "User")),
  wide("Groups", (binding) => subjects(binding, "Group")),
  wide("ServiceAccounts", (binding) => subjects(binding, "ServiceAccount")),
];

function requestCondition({ status }: CertificateSigningRequest): string {
  const types = new Set((status?.conditions ?? []).map(({ type }) => type));
  const parts = types.has("Denied") ? ["Denied"] : types.has("Approved") ? ["Approved"] : ["Pending"];
  if (types.has("Failed")) parts.push("Failed");
  if (status?.certificate) parts.push("Issued");
  return parts.join(",");
}

const requestColumns: Column<CertificateSigningRequest>[] = [
  nameColumn,
  ageColumn,
  text("SignerName", ({ spec }) => spec.signerName),
  text("Requestor", ({ spec }) => spec.username ?? ""),
  text("RequestedDuration", ({ spec }) =>
    spec.expirationSeconds ? humanDuration(spec.expirationSeconds * 1000) : undefined,
  ),
  text("Condition", requestCondition),
];

const hookColumns: Column<MutatingWebhookConfiguration>[] = [
  nameColumn,
  count("Webhooks", ({ webhooks }) => webhooks?.length),
  ageColumn,
];
const policyColumns: Column<ValidatingAdmissionPolicy>[] = [
  nameColumn,
  count("Validations", ({ spec }) => spec.validations?.length),
  text("ParamKind", ({ spec }) => (spec.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : "<unset>")),
  ageColumn,
];
const policyBindingColumns: Column<ValidatingAdmissionPolicyBinding>[] = [
  nameColumn,
  text("PolicyName", ({ spec }) => spec.policyName ?? ""),
  text("ParamRef", ({ spec: { paramRef } }) => {
    if (!paramRef) return "<unset>";
    return [paramRef.namespace, paramRef.name ?? "*"].filter(Boolean).join("/");
  }),
  ageColumn,
];

const leaseColumns: Column<Lease>[] = [nameColumn, text("Holder", ({ spec }) => spec.holderIdentity ?? ""), ageColumn];
const priorityColumns: Column<PriorityClass>[] = [
  nameColumn,
  count("Value", ({ value }) => value),
  { name: "Global-Default", type: "boolean", cell: ({ globalDefault }) => globalDefault ?? false },
  ageColumn,
  text("PreemptionPolicy", ({ preemptionPolicy }) => preemptionPolicy ?? ""),
];
const runtimeColumns: Column<RuntimeClass>[] = [nameColumn, text("Handler", ({ handler }) => handler), ageColumn];
const revisionColumns: Column<ControllerRevision>[] = [
  nameColumn,
  text("Controller", ({ metadata }) => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller);
    return owner ? `${owner.kind.toLowerCase()}.${owner.apiVersion.split("/")[0]}/${owner.name}` : undefined;
  }),
  text("Revision", ({ revision }) => revision),
  ageColumn,
];
const definitionColumns: Column<CustomResourceDefinition>[] = [
  nameColumn,
  { name: "Created At", type: "date", cell: ({ metadata }) => metadata.creationTimestamp },
];

function isAvailable({ status }: APIService): string {
  const available = status?.conditions?.find(({ type }) => type === "Available");
  return available?.status === "True" ? "True" : `False (${available?.reason ?? "Unknown"})`;
}
const apiServiceColumns: Column<APIService>[] = [
  nameColumn,
  text("Service", ({ spec }) => (spec.service ? `${spec.service.namespace}/${spec.service.name}` : "Local")),
  text("Available", isAvailable),
  ageColumn,
];
const flowColumns: Column<FlowSchema>[] = [
  nameColumn,
  text("PriorityLevel", ({ spec }) => spec.priorityLevelConfiguration.name),
  text("MatchingPrecedence", ({ spec }) => spec.matchingPrecedence),
  text("DistinguisherMethod", ({ spec }) => spec.distinguisherMethod?.type),
  ageColumn,
  text("MissingPL", ({ status }) => status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?"),
];
const levelColumns: Column<PriorityLevelConfiguration>[] = [
  nameColumn,
  text("Type", ({ spec }) => spec.type),
  text("NominalConcurrencyShares", ({ spec }) => spec.limited?.nominalConcurrencyShares),
  text("Queues", ({ spec }) => spec.limited?.limitResponse?.queuing?.queues),
  text("HandSize", ({ spec }) => spec.limited?.limitResponse?.queuing?.handSize),
  text("QueueLengthLimit", ({ spec }) => spec.limited?.limitResponse?.queuing?.queueLengthLimit),
  ageColumn,
];

export const clusterColumns = {
  "/persistentvolumes": volumeColumns,
  "/persistentvolumeclaims": claimColumns,
  "storage.k8s.io/storageclasses": storageClassColumns,
  "storage.k8s.io/volumeattachments": attachmentColumns,
  "storage.k8s.io/csinodes": csiNodeColumns,
  "storage.k8s.io/csidrivers": csiDriverColumns,
  "rbac.authorization.k8s.io/roles": roleColumns,
  "rbac.authorization.k8s.io/clusterroles": roleColumns,
  "rbac.authorization.k8s.io/rolebindings": bindingColumns,
  "rbac.authorization.k8s.io/clusterrolebindings": bindingColumns,
  "certificates.k8s.io/certificatesigningrequests": requestColumns,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": hookColumns,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": hookColumns,
  "admissionregistration.k8s.io/validatingadmissionpolicies": policyColumns,
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": policyBindingColumns,
  "coordination.k8s.io/leases": leaseColumns,
  "scheduling.k8s.io/priorityclasses": priorityColumns,
  "node.k8s.io/runtimeclasses": runtimeColumns,
  "apps/controllerrevisions": revisionColumns,
  "apiextensions.k8s.io/customresourcedefinitions": definitionColumns,
  "apiregistration.k8s.io/apiservices": apiServiceColumns,
  "flowcontrol.apiserver.k8s.io/flowschemas": flowColumns,
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": levelColumns,
};
