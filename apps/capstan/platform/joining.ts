// How a node becomes one of a cluster: a token lets it ask for its own certificate, and that for the rest.
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests, Nodes, Services } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Client, createClient, waitFor } from "@capstan/core/client";
import { type CertificateRequest, createRequest, type KeyPair } from "@capstan/core/pki";
import { createTransport } from "@capstan/core/wire";
import { nodeRequest } from "./certificates.ts";

/** A machine that is to be a node, or is one. */
export interface Joiner {
  name: string;
  /** Where the API server reaches the node. */
  address: string;
  signal: AbortSignal;
  say?(line: string): void;
}

export interface Invitation {
  /** `https://host:port` */
  server: string;
  /** PEM: the cluster's authority. */
  ca: string;
  token: string;
}

/** How long somebody may take to approve a request, in milliseconds: the cluster's own roles take none. */
const patience = 600_000;

/**
 * The certificate by which the cluster knows the machine as a node.
 * @throws with what to do when the token is refused, or the name is another node's
 */
export async function joinCluster({ server, ca, token }: Invitation, joiner: Joiner): Promise<KeyPair> {
  using transport = createTransport({ server, ca, token });
  try {
    return await askAsNode(createClient(transport.handler), "client", joiner);
  } catch (error) {
    if (!isReason(error, "Unauthorized")) throw error;
    throw new Error(
      `the token ${token.slice(0, 6)}.… is not known, or is used: take an unused one of the Domain's status`,
    );
  }
}

/** What a node needs besides: a certificate to serve with, and where its pods ask for names. @param client the node's own */
export async function settleNode(client: Client, joiner: Joiner): Promise<{ serving: KeyPair; dns: string }> {
  await tellAddress(client, joiner.name, joiner.address);
  const serving = await askAsNode(client, "serving", joiner);
  const { spec } = await client.get(Services, { namespace: "default", name: "kubernetes" });
  joiner.signal.throwIfAborted();
  return { serving, dns: tenth(spec?.clusterIP ?? "") };
}

/** Asks for a certificate in the node's name, for calls to the API server or for its own server. */
export function askAsNode(client: Client, use: "client" | "serving", joiner: Joiner): Promise<KeyPair> {
  const { name, address } = joiner;
  const own = { ...nodeRequest(name, []), hosts: [], usages: ["client" as const] };
  if (use === "client") return ask(client, "kubernetes.io/kube-apiserver-client-kubelet", own, joiner);
  const serves = { ...nodeRequest(name, [address]), usages: ["server" as const] };
  return ask(client, "kubernetes.io/kubelet-serving", serves, joiner);
}

async function ask(
  client: Client,
  signerName: string,
  request: CertificateRequest,
  { signal, say = () => {} }: Joiner,
): Promise<KeyPair> {
  const { csr, key } = await createRequest(request);
  const usages = ["digital signature", ...request.usages.map((usage) => `${usage} auth`)];
  const spec = { request: Buffer.from(csr).toString("base64"), signerName, usages };
  const made = await client.create(CertificateSigningRequests, { metadata: { generateName: "csr-" }, spec });
  const { name } = made.metadata;
  const settled = ({ status }: CertificateSigningRequest) => {
    if (!status?.conditions?.length && !status?.certificate) say(`waiting for: kubectl certificate approve ${name}`);
    return (
      Boolean(status?.certificate) || (status?.conditions ?? []).some(({ type }) => /^(Denied|Failed)$/.test(type))
    );
  };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  const { status } = await waitFor(client, CertificateSigningRequests, { name }, settled, limit);
  const refusal = status?.conditions?.find(({ type }) => /^(Denied|Failed)$/.test(type));
  if (!status?.certificate) throw new Error(`certificatesigningrequest/${name}: ${refusal?.type}: ${refusal?.message}`);
  return { cert: Buffer.from(status.certificate, "base64").toString(), key };
}

/** A server's certificate is signed for addresses that the Node has. */
async function tellAddress(client: Client, name: string, address: string): Promise<void> {
  await client.create(Nodes, { metadata: { name }, spec: {} }).catch((error) => {
    if (!isReason(error, "AlreadyExists")) throw error;
  });
  const addresses = [
    { type: "InternalIP", address },
    { type: "Hostname", address: name },
  ];
  await client.patch(
    Nodes,
    { name },
    { type: "strategic", body: { status: { addresses } } },
    { subresource: "status" },
  );
}

/** The tenth address of the range whose first is the API's: where clusters have their name server. */
function tenth(first: string): string {
  const parts = first.split(".");
  return [...parts.slice(0, 3), Number(parts[3]) + 9].join(".");
}
