import { isIP } from "node:net";
import { type CertificateRequest, day, type KeyPair, type Usage } from "./certificate.ts";

// ECDSA on P-256 with SHA-256: what every Kubernetes client accepts, and quick to make.
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
// Clients whose clock is a little behind must still accept a fresh certificate.
const backdate = 5 * 60_000;
const usageIds: Record<Usage, string> = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" };

/** The certificate library takes 0.1 s to load, and a warm start makes no certificate. */
async function library() {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** A self-signed authority. @param days its life. @param now milliseconds since the epoch. */
export async function createAuthorityPair(commonName: string, days: number, now: number): Promise<KeyPair> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const flags = x509.KeyUsageFlags;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(now - backdate),
    notAfter: new Date(now + days * day),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(flags.keyCertSign | flags.cRLSign | flags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${cert.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
}

/** A new key and a certificate for it, signed by the authority. */
export async function issuePair(authority: KeyPair, request: CertificateRequest, now: number): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await signCertificate(authority, request, keys.publicKey, now);
  return { cert, key: await exportKey(keys.privateKey) };
}

/** Reads a certificate request: its subject, what it asks for, and its public key. Throws when its own signature is wrong. */
export async function readRequest(csr: string): Promise<CertificateRequest & { publicKey: CryptoKey }> {
  const x509 = await library();
  const parsed = new x509.Pkcs10CertificateRequest(csr);
  if (!(await parsed.verify())) throw new Error("the certificate request's signature does not match its key");
  const names = parsed.subjectName;
  const usage = parsed.extensions.find((extension) => extension instanceof x509.ExtendedKeyUsageExtension);
  const usages = (Object.keys(usageIds) as Usage[]).filter((name) => usage?.usages.includes(usageIds[name]));
  const alternative = parsed.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
  return {
    commonName: names.getField("CN")[0] ?? "",
    organizations: names.getField("O"),
    hosts: (alternative?.names.items ?? [])
      .filter((name) => name.type === "dns" || name.type === "ip")
      .map((name) => name.value),
    usages,
    publicKey: (await parsed.publicKey.export()) as CryptoKey,
  };
}

/** A new key and a certificate request (PKCS #10) for it, both PEM. */
export async function createRequest(request: CertificateRequest): Promise<{ csr: string; key: string }> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const hosts = alternativeNames(request);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectName(request),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => usageIds[usage])),
      ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts)] : []),
    ],
  });
  return { csr: `${csr.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
}

function subjectName({ commonName, organizations = [] }: CertificateRequest) {
  return [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }];
}

function alternativeNames({ hosts = [] }: CertificateRequest) {
  return hosts.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
}

/** Signs a certificate for a public key. @returns PEM. */
export async function signCertificate(
  authority: KeyPair,
  request: CertificateRequest,
  publicKey: CryptoKey,
  now: number,
): Promise<string> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(authority.cert);
  const der = Buffer.from(authority.key.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const signingKey = await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
  const ends = Math.min(now + (request.days ?? 365) * day, issuer.notAfter.getTime());
  const hosts = alternativeNames(request);
  const cert = await x509.X509CertificateGenerator.create({
    subject: subjectName(request),
    issuer: issuer.subject,
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(now - backdate),
    notAfter: new Date(ends),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => usageIds[usage])),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts)] : []),
    ],
  });
  return `${cert.toString("pem")}\n`;
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`;
}
