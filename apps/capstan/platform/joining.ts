// How a node becomes one of a cluster: a token lets it ask for its own certificate, and that for the rest.
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests, Nodes, Services } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Client, createClient, waitFor } from "@capstan/core/client";
import { type CertificateRequest, createRequest, type KeyPair } from "@capstan/core/pki";
import { createTransport } from "@capstan/core/wire";
import { nodeRequest } from "./certificates.ts";

export interface Joining {
  /** `https://host:port` */
  server: string;
  /** PEM: the cluster's authority. */
  ca: string;
  token: string;
  name: string;
  /** Where the API server reaches the node. */
  address: string;
  signal: AbortSignal;
  say(line: string): void;
}

export interface Joined {
  client: KeyPair;
  serving: KeyPair;
  /** Where pods ask for names. */
  dns: string;
}

/** How long somebody may take to approve a request, in milliseconds: the cluster's own roles take none. */
const patience = 600_000;

/** @throws with what to do when the token is refused, or the name is another node's */
export async function joinCluster(joining: Joining): Promise<Joined> {
  const { server, ca, token, name, address, signal, say } = joining;
  using first = createTransport({ server, ca, token });
  const own = { ...nodeRequest(name, []), hosts: [], usages: ["client" as const] };
  const pair = await ask(createClient(first.handler), "kubernetes.io/kube-apiserver-client-kubelet", own, joining);
  say(`the cluster knows this machine as node ${name}`);
  using second = createTransport({ server, ca, ...pair });
  const client = createClient(second.handler, { userAgent: "capstan-node" });
  await tellAddress(client, name, address);
  const serves = { ...nodeRequest(name, [address]), usages: ["server" as const] };
  const serving = await ask(client, "kubernetes.io/kubelet-serving", serves, joining);
  const { spec } = await client.get(Services, { namespace: "default", name: "kubernetes" });
  signal.throwIfAborted();
  return { client: pair, serving, dns: tenth(spec?.clusterIP ?? "") };
}

async function ask(
  client: Client,
  signerName: string,
  request: CertificateRequest,
  { token, signal, say }: Joining,
): Promise<KeyPair> {
  const { csr, key } = await createRequest(request);
  const usages = ["digital signature", ...request.usages.map((usage) => `${usage} auth`)];
  const spec = { request: Buffer.from(csr).toString("base64"), signerName, usages };
  const made = await client
    .create(CertificateSigningRequests, { metadata: { generateName: "csr-" }, spec })
    .catch((error) => {
      if (!isReason(error, "Unauthorized")) throw error;
      throw new Error(
        `the token ${token.slice(0, 6)}.… is not known, or is used: take an unused one of the Domain's status`,
      );
    });
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
