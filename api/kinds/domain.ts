// Domain (kuscia.secretflow/v1alpha1): a tenant. Contract: secretflow/kuscia's CRD, plus the optional quotas and members of Capstan.
import type { CustomResourceDefinition } from "../generated/apiextensions-v1.ts";
import type { Quantity, Time } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";

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

export interface DomainQuota {
  podMaxCount?: number;
  cpu?: Quantity;
  memory?: Quantity;
  storage?: Quantity;
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

const text = { type: "string" };
const time = { type: "string", format: "date-time" };
const quantity = { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] };

export const domainDefinition: CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "domains.kuscia.secretflow" },
  spec: {
    group: "kuscia.secretflow",
    scope: "Cluster",
    names: { plural: "domains", singular: "domain", kind: "Domain", listKind: "DomainList" },
    versions: [
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            description: "A tenant: its namespace, quota, nodes and members.",
            properties: {
              apiVersion: text,
              kind: text,
              metadata: { type: "object" },
              spec: {
                type: "object",
                properties: {
                  role: { type: "string", enum: ["", "partner"] },
                  master: text,
                  cert: text,
                  interConnProtocols: { type: "array", items: { type: "string", enum: ["kuscia", "bfia"] } },
                  authCenter: {
                    type: "object",
                    required: ["authenticationType"],
                    properties: {
                      authenticationType: { type: "string", enum: ["Token", "MTLS", "None"] },
                      tokenGenMethod: { type: "string", enum: ["RSA-GEN", "RAND-GEN", "UID-RSA-GEN"] },
                    },
                  },
                  resourceQuota: {
                    type: "object",
                    properties: {
                      podMaxCount: { type: "integer", minimum: 0 },
                      cpu: quantity,
                      memory: quantity,
                      storage: quantity,
                    },
                  },
                },
              },
              status: {
                type: "object",
                properties: {
                  nodeStatuses: {
                    type: "array",
                    items: {
                      type: "object",
                      required: ["name", "version", "status"],
                      properties: {
                        name: text,
                        version: text,
                        status: text,
                        lastHeartbeatTime: time,
                        lastTransitionTime: time,
                      },
                    },
                  },
                  deployTokenStatuses: {
                    type: "array",
                    items: {
                      type: "object",
                      required: ["token", "state"],
                      properties: { token: text, state: { type: "string" }, lastTransitionTime: time },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};
