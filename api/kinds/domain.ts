// Domain (kuscia.secretflow/v1alpha1): a tenant. Contract: secretflow/kuscia's CRD, plus the optional quotas and members of Capstan.
import type { CustomResourceDefinition } from "../generated/apiextensions-v1.ts";
import type { Quantity, Time } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";
import { ageColumn, definitionOf, integer, list, object, oneOf, quantity, text, time } from "./crd-schema.ts";

export interface Domain extends KubeObject {
  spec: DomainSpec;
  status?: DomainStatus;
}

export interface DomainSpec {
  /** "" is an inner node, "partner" another party's. */
  role?: "" | "partner";
  master?: string;
  /** base64 of a PEM certificate. */
  cert?: string;
  /** The first one counts. */
  interConnProtocols?: ("kuscia" | "bfia")[];
  authCenter?: {
    authenticationType: "Token" | "MTLS" | "None";
    tokenGenMethod?: "RSA-GEN" | "RAND-GEN" | "UID-RSA-GEN";
  };
  resourceQuota?: DomainQuota;
}

/** Limits of what a Domain's namespace holds at once; what is absent has none. */
export interface DomainQuota {
  podMaxCount?: number;
  /** Sums of the requests of its pods. */
  cpu?: Quantity;
  memory?: Quantity;
  /** Sum of the requests of its claims. */
  storage?: Quantity;
  /** GPUs (nvidia.com/gpu) that its pods may hold. */
  gpu?: number;
  notebooks?: number;
  /** InferenceServices. */
  models?: number;
}

export interface DomainStatus {
  nodeStatuses?: DomainNodeStatus[];
  deployTokenStatuses?: { token: string; state: "used" | "unused"; lastTransitionTime?: Time }[];
}

export interface DomainNodeStatus {
  name: string;
  version: string;
  status: "Ready" | "NotReady";
  lastHeartbeatTime?: Time;
  lastTransitionTime?: Time;
}

export const Domains: Resource<Domain> = {
  group: "kuscia.secretflow",
  version: "v1alpha1",
  resource: "domains",
  kind: "Domain",
  namespaced: false,
};

const count = { ...integer, minimum: 0 };
const amount = { ...quantity, minimum: 0, pattern: "^[0-9.]+([eE][-+]?[0-9]+|[KMGTPE]i|[numkMGTPE])?$" };

const spec = object({
  role: oneOf("", "partner"),
  master: text,
  cert: text,
  interConnProtocols: list(oneOf("kuscia", "bfia")),
  authCenter: object(
    {
      authenticationType: oneOf("Token", "MTLS", "None"),
      tokenGenMethod: oneOf("RSA-GEN", "RAND-GEN", "UID-RSA-GEN"),
    },
    ["authenticationType"],
  ),
  resourceQuota: object({
    podMaxCount: count,
    cpu: amount,
    memory: amount,
    storage: amount,
    gpu: count,
    notebooks: count,
    models: count,
  }),
});

const node = { name: text, version: text, status: text, lastHeartbeatTime: time, lastTransitionTime: time };
const token = { token: text, state: oneOf("used", "unused"), lastTransitionTime: time };

/** As Kuscia's: no columns of its own, so that kubectl shows name and age. */
export const domainDefinition: CustomResourceDefinition = definitionOf({
  resource: Domains,
  description: "A tenant: its namespace, quota, nodes and members.",
  spec,
  status: object({
    nodeStatuses: list(object(node, ["name", "version", "status"])),
    deployTokenStatuses: list(object(token, ["token", "state"])),
  }),
  columns: [ageColumn],
  rules: [
    {
      rule: "!(self.metadata.name in ['master', 'default']) && !self.metadata.name.startsWith('kube-')",
      message: "metadata.name: this name is reserved; choose another one",
    },
    {
      rule: "!self.metadata.name.contains('.') && size(self.metadata.name) <= 63",
      message: "metadata.name: it becomes a namespace, so it has no dots and at most 63 characters",
    },
  ],
});
