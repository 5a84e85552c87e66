// The certificates of one instance: an authority of its own, and who is who under it.

import type { Logger } from "@capstan/base/log";
import type { FrontProxy } from "@capstan/cluster/apiserver";
import {
  type Authority,
  type CertificateRequest,
  createRenewal,
  type KeyPair,
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
export async function openFrontProxy(directory: string, clientCa: string, log: Logger) {
  const authority = await openAuthority({ directory, commonName: "capstan-front-proxy-ca" });
  const request: CertificateRequest = { commonName: "front-proxy-client", usages: ["client"] };
  const pair = await authority.obtain("front-proxy-client", request);
  const front: FrontProxy = { ...pair, ca: authority.cert, clientCa };
  const apply: Renewable["apply"] = (fresh) => void Object.assign(front, fresh);
  const certificates = [{ name: "front-proxy-client", request, pair, apply }];
  return { front, renewal: createRenewal({ authority, certificates, log }) };
}

/** The API server's certificates, renewed while it runs: new connections get the new ones. */
export function createServerRenewal(
  authority: Authority,
  own: { serving: Serving; server: Omit<Renewable, "apply">; kubelets: KeyPair },
  log: Logger,
) {
  const { serving, server, kubelets } = own;
  const certificates: Renewable[] = [
    { ...server, apply: ({ cert, key }) => serving.setTls({ cert, key, clientCa: authority.cert }) },
    {
      name: "apiserver-kubelet-client",
      request: kubeletClientRequest,
      pair: kubelets,
      apply: (pair) => void Object.assign(kubelets, pair),
    },
  ];
  return createRenewal({ authority, certificates, log });
}
