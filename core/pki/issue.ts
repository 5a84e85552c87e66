// The cluster's own certificates: ECDSA on P-256 with SHA-256, which every Kubernetes client accepts and is quick to make.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type CertificateRequest, day, type KeyPair, type Usage } from "./certificate.ts";
import {
  alternativeName,
  createSigningRequest,
  generateKey,
  readSigningRequest,
  readUsages,
  type Subject,
  selfSign,
  signTemplate,
  type Usages,
} from "./x509/index.ts";

const kind = { algo: "ecdsa", size: 256 } as const;
// Clients whose clock is a little behind must still accept a fresh certificate.
const backdate = 5 * 60_000;

/** A self-signed authority. @param days its life. @param now milliseconds since the epoch. */
export async function createAuthorityPair(commonName: string, days: number, now: number): Promise<KeyPair> {
  const key = await generateKey(kind);
  const template = {
    subject: [["CN", commonName]] as const,
    names: [],
    notBefore: new Date(now - backdate),
    notAfter: new Date(now + days * day),
    usages: readUsages(["cert sign", "crl sign", "digital signature"], "usages"),
    authority: { pathLength: -1 },
  };
  return { cert: await selfSign(template, key), key: exportKey(key) };
}

/** A new key and a certificate for it, signed by the authority. */
export async function issuePair(authority: KeyPair, request: CertificateRequest, now: number): Promise<KeyPair> {
  const key = await generateKey(kind);
  return { cert: await signCertificate(authority, request, key, now), key: exportKey(key) };
}

/** Reads a certificate request: its subject, what it asks for, and its public key. Throws when its own signature is wrong. */
export async function readRequest(csr: string): Promise<CertificateRequest & { publicKey: KeyObject }> {
  const { subject, names, usages, publicKey } = await readSigningRequest(csr);
  const valuesOf = (attribute: string) => subject.filter(([name]) => name === attribute).map(([, value]) => value);
  return {
    commonName: valuesOf("CN")[0] ?? "",
    organizations: valuesOf("O"),
    hosts: names.map(({ value }) => value),
    usages: (["server", "client"] as const).filter((usage) => asksFor(usages, usage)),
    publicKey,
  };
}

function asksFor(usages: Usages | undefined, usage: Usage): boolean {
  const { extended } = readUsages([`${usage} auth`], "usages");
  return extended.some((identifier) => usages?.extended.includes(identifier));
}

/** Signs a certificate for a public key. @returns PEM. */
export async function signCertificate(
  authority: KeyPair,
  request: CertificateRequest,
  publicKey: KeyObject,
  now: number,
): Promise<string> {
  const issuer = { cert: authority.cert, key: createPrivateKey(authority.key) };
  const end = now + (request.days ?? 365) * day;
  const template = {
    subject: subjectOf(request),
    names: namesOf(request),
    notBefore: new Date(now - backdate),
    notAfter: new Date(Math.min(end, new X509Certificate(authority.cert).validToDate.getTime())),
    usages: usagesOf(request),
  };
  return signTemplate(template, publicKey, issuer);
}

/** A new key and a certificate request (PKCS #10) for it, both PEM. */
export async function createRequest(request: CertificateRequest): Promise<{ csr: string; key: string }> {
  const key = await generateKey(kind);
  const asked = { subject: subjectOf(request), names: namesOf(request), usages: usagesOf(request) };
  return { csr: await createSigningRequest(asked, key), key: exportKey(key) };
}

function usagesOf({ usages }: CertificateRequest): Usages {
  return readUsages(["digital signature", "key encipherment", ...usages.map((usage) => `${usage} auth`)], "usages");
}

function subjectOf({ commonName, organizations = [] }: CertificateRequest): Subject {
  return [...organizations.map((name) => ["O", name] as const), ["CN", commonName]];
}

function namesOf({ hosts = [] }: CertificateRequest) {
  return hosts.map((host, index) => alternativeName(host, `hosts[${index}]`));
}

function exportKey(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" }).toString();
}
