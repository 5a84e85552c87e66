// The certificates of one instance: an authority of its own, and who is who under it.

import type { Logger } from "@capstan/base/log";
import type { FrontProxy } from "@capstan/cluster/apiserver";
import {
  type Authority,
  type CertificateRequest,
  createRenewal,
  openAuthority,
  type Renewable,
} from "@capstan/core/pki";
import type { Serving } from "@capstan/core/wire";

const clusterDomain = "cluster.local";

/** Names by which clients dial the API server. */
export function apiServerRequest(serviceIp: string): CertificateRequest {
  const service = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${clusterDomain}`,
  ];
  return {
    commonName: "kube-apiserver",
    hosts: ["localhost", "127.0.0.1", "::1", serviceIp, ...service],
    usages: ["server"],
  };
}

export const adminRequest: CertificateRequest = {
  commonName: "kubernetes-admin",
  organizations: ["system:masters"],
  usages: ["client"],
};

/** Whom node agents let in. Source: kubeadm's apiserver-kubelet-client. */
export const kubeletClientRequest: CertificateRequest = {
  commonName: "kube-apiserver-kubelet-client",
  organizations: ["system:masters"],
  usages: ["client"],
};

/** A node agent's certificate: serves its port, and is its name at the API server. */
export function nodeRequest(node: string, hosts: string[]): CertificateRequest {
  return {
    commonName: `system:node:${node}`,
    organizations: ["system:nodes"],
    hosts: [node, ...hosts],
    usages: ["client", "server"],
  };
}

export const openCertificates = (directory: string): Promise<Authority> =>
  openAuthority({ directory, commonName: "capstan-ca" });

/**
 * Who the API server is to the servers behind APIServices. An authority of its own: whom it signs can speak for anybody.
 * @param clientCa of the API's clients, PEM.
 */
export async function openFrontProxy(directory: string, clientCa: string): Promise<FrontProxy> {
  const authority = await openAuthority({ directory, commonName: "capstan-front-proxy-ca" });
  const pair = await authority.obtain("front-proxy-client", { commonName: "front-proxy-client", usages: ["client"] });
  return { ...pair, ca: authority.cert, clientCa };
}

/** Renews the API server's certificate while it runs; new connections get the new one. */
export function createServingRenewal(
  authority: Authority,
  item: Omit<Renewable, "apply">,
  serving: Serving,
  log: Logger,
) {
  const apply: Renewable["apply"] = ({ cert, key }) => serving.setTls({ cert, key, clientCa: authority.cert });
  return createRenewal({ authority, certificates: [{ ...item, apply }], log });
}
