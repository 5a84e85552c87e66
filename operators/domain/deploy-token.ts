// Tokens by which a Domain's nodes join: one that is unused is always there, and each lets one node in.
import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { Secret } from "@capstan/api/generated/core-v1";
import { CertificateSigningRequests, Secrets } from "@capstan/api/generated/resources";
import type { Domain, DomainStatus } from "@capstan/api/kinds/domain";
import { isReason, type New } from "@capstan/api/meta";
import { domainLabel } from "./labels.ts";
import { adopt } from "./node.ts";
import type { World } from "./world.ts";

type TokenStatus = NonNullable<DomainStatus["deployTokenStatuses"]>[number];

/** Used tokens that a status remembers. */
const usedLimit = 20;
const namespace = "kube-system";
const tokenType = "bootstrap.kubernetes.io/token";
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/** The tokens as the status should have them. A Domain of role partner runs its nodes in a cluster of its own. */
export async function syncTokens(world: World, domain: Domain, now: number): Promise<TokenStatus[]> {
  const known = domain.status?.deployTokenStatuses ?? [];
  if (domain.spec.role === "partner") {
    await revokeAll(world, domain.metadata.name);
    return known.filter(({ state }) => state === "used");
  }
  const at = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
  const tokens: TokenStatus[] = [];
  for (const status of known) {
    const node = status.state === "unused" ? joinedBy(world, status.token) : undefined;
    if (!node) tokens.push(status);
    else {
      // Another Domain's node stays that one's; the token is used up all the same.
      await adopt(world, domain, node);
      await revoke(world, status.token);
      tokens.push({ ...status, state: "used", lastTransitionTime: at });
    }
  }
  const unused = tokens.filter(({ state }) => state === "unused");
  for (const { token } of unused) await keep(world, domain, token);
  // The status goes before the Secret: a token that was not told is never let in.
  if (unused.length === 0)
    tokens.push({ token: `${random(6)}.${random(16)}`, state: "unused", lastTransitionTime: at });
  const used = tokens.filter(({ state }) => state === "used");
  return tokens.filter((status) => status.state === "unused" || used.indexOf(status) >= used.length - usedLimit);
}

/** Which Domain a request for a node's certificate was made with a token of; undefined for other requests. */
export function tokenIdOf({ spec }: CertificateSigningRequest): string | undefined {
  return /^system:bootstrap:([a-z0-9]{6})$/.exec(spec.username ?? "")?.[1];
}

/** The node whose certificate was asked for with the token and approved. */
function joinedBy({ informers }: World, token: string): string | undefined {
  const requests = informers.informer(CertificateSigningRequests).byIndex("bootstrap-token", token.slice(0, 6));
  const approved = requests.find(({ status }) => status?.certificate);
  const certificate = approved?.status?.certificate;
  if (!certificate) return undefined;
  // The signer let it be nothing but a node's.
  const { subject } = new X509Certificate(Buffer.from(certificate, "base64"));
  return /^CN=system:node:(.+)$/m.exec(subject)?.[1];
}

async function keep({ client, informers }: World, { metadata }: Domain, token: string): Promise<void> {
  const [id = "", secret = ""] = token.split(".");
  const ref = { namespace, name: `bootstrap-token-${id}` };
  if (informers.informer(Secrets).get(ref)) return;
  const fields = {
    "token-id": id,
    "token-secret": secret,
    description: `Lets a node of domain ${metadata.name} join.`,
    "usage-bootstrap-authentication": "true",
    "auth-extra-groups": `system:bootstrappers:domain:${metadata.name}`,
  };
  const data = Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
  const made: New<Secret> = {
    metadata: { ...ref, labels: { [domainLabel]: metadata.name } },
    type: tokenType,
    data,
  };
  await client.create(Secrets, made).catch((error) => {
    if (!isReason(error, "AlreadyExists")) throw error;
  });
}

async function revoke({ client }: World, token: string): Promise<void> {
  await client.delete(Secrets, { namespace, name: `bootstrap-token-${token.slice(0, 6)}` }).catch((error) => {
    if (!isReason(error, "NotFound")) throw error;
  });
}

/** Which Domain a Secret is the token of. */
export function tokenDomainOf({ metadata, type }: Secret): string | undefined {
  return metadata.namespace === namespace && type === tokenType ? metadata.labels?.[domainLabel] : undefined;
}

/** Tokens of a Domain that is gone, or has no nodes here, let nobody in. */
export async function revokeAll({ client, informers }: World, domain: string): Promise<void> {
  if (informers.informer(Secrets).byIndex("token-domain", domain).length === 0) return;
  await client.deleteCollection(Secrets, { namespace, labelSelector: `${domainLabel}=${domain}` });
}

function random(length: number): string {
  // 252 is the largest multiple of 36 in a byte: others would favour some letters.
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      if (byte < 252 && text.length < length) text += alphabet[byte % 36];
    }
  }
  return text;
}
