import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Client, waitFor } from "@capstan/core/client";
import { type CertificateRequest, createRequest, type KeyPair } from "@capstan/core/pki";

export interface ServiceCertificate {
  client: Client;
  /** The Service whose names the certificate has. */
  service: string;
  namespace: string;
  /** Default: the signer for nodes' servers, which every cluster has; Capstan's own is `capstan.dev/serving`. */
  signerName?: string;
  /** Seconds; the signer's usual life when absent. */
  expirationSeconds?: number;
  signal: AbortSignal;
  /** Gets a line for each step. */
  say?(line: string): void;
}

export const nodeSigner = "kubernetes.io/kubelet-serving";
/** A Service's name, and no more: a dot in it would be a name of another namespace. Source: RFC 1035 labels. */
const label = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Names by which clients know others than a Service. */
const taken = new Set(["kubernetes", "localhost"]);

/** Why no certificate is asked for in a Service's name. */
export function serviceProblem(service: string): string | undefined {
  if (!label.test(service))
    return `"${service.slice(0, 80)}" is no name of a Service: lower-case letters, digits and "-"`;
  return taken.has(service)
    ? `"${service}" is the name of the API server or of every machine; name the Service otherwise`
    : undefined;
}

/** How long a signer may take, in milliseconds. */
const patience = 30_000;

/**
 * Makes a key, has a CertificateSigningRequest approved as the client's own user, and waits for its certificate.
 * @throws what to do when the cluster denies it or has no signer
 */
export async function requestServiceCertificate(options: ServiceCertificate): Promise<KeyPair> {
  const { client, service, namespace, signerName = nodeSigner, expirationSeconds, signal, say = () => {} } = options;
  const problem = serviceProblem(service);
  if (problem) throw new Error(problem);
  const name = `${service}.${namespace}`;
  const { csr, key } = await createRequest(subjectOf(options, signerName));
  await client.delete(CertificateSigningRequests, { name }).catch((error) => {
    if (!isReason(error, "NotFound")) throw error;
  });
  const usages = ["digital signature", "key encipherment", "server auth"];
  const spec = { request: Buffer.from(csr).toString("base64"), signerName, usages };
  const made = await client.create(CertificateSigningRequests, {
    metadata: { name },
    spec: { ...spec, ...(expirationSeconds ? { expirationSeconds } : {}) },
  });
  say(`certificatesigningrequest/${name} created`);
  await approve(client, made);
  say(`certificatesigningrequest/${name} approved`);
  const settled = ({ status }: CertificateSigningRequest) =>
    Boolean(status?.certificate) ||
    (status?.conditions ?? []).some(({ type }) => type === "Denied" || type === "Failed");
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  const done = await waitFor(client, CertificateSigningRequests, { name }, settled, limit).catch((error: unknown) => {
    if (signal.aborted || !limit.aborted) throw error;
    throw new Error(unsigned(name, signerName));
  });
  const refusal = done.status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
  if (!done.status?.certificate) {
    throw new Error(`certificatesigningrequest/${name}: ${refusal?.type} (${refusal?.reason}): ${refusal?.message}`);
  }
  return { cert: Buffer.from(done.status.certificate, "base64").toString(), key };
}

function subjectOf({ service, namespace }: ServiceCertificate, signerName: string): CertificateRequest {
  const whole = `${service}.${namespace}.svc`;
  const hosts = [whole, `${whole}.cluster.local`, `${service}.${namespace}`, service];
  // The signer for nodes takes nodes' names only; clients of the Service look at the alternative names.
  const isNode = signerName === nodeSigner;
  return {
    commonName: isNode ? `system:node:${whole}` : whole,
    ...(isNode ? { organizations: ["system:nodes"] } : {}),
    hosts,
    usages: ["server"],
  };
}

/** The approval may be there already: some signers approve by role. */
async function approve(client: Client, request: CertificateSigningRequest): Promise<void> {
  const at = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const message = "This certificate is wanted for a Service.";
  const condition = { type: "Approved", status: "True", reason: "ServiceCertificate", message, lastUpdateTime: at };
  const { name } = request.metadata;
  const body = { ...request, status: { ...request.status, conditions: [condition] } };
  try {
    await client.update(CertificateSigningRequests, body, { subresource: "approval" });
  } catch (error) {
    if (!isReason(error, "Conflict")) throw error;
    const now = await client.get(CertificateSigningRequests, { name });
    const types = now.status?.conditions?.map(({ type }) => type) ?? [];
    if (types.length > 0) return;
    await client.update(
      CertificateSigningRequests,
      { ...now, status: { ...now.status, conditions: [condition] } },
      { subresource: "approval" },
    );
  }
}

function unsigned(name: string, signer: string): string {
  return (
    `certificatesigningrequest/${name} is approved, but in ${patience / 1000} s nothing has signed it: this cluster has no ` +
    `signer "${signer}". Give kube-controller-manager the cluster's CA with --cluster-signing-cert-file and ` +
    "--cluster-signing-key-file (RKE and Rancher: services.kube-controller.extra_args), or name another signer with --signer"
  );
}
