import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { signingAlgorithm, toCryptoKeys } from "./keys.ts";
import { type Library, library } from "./library.ts";
import { type AlternativeName, type Subject, toJsonName } from "./subject.ts";
import type { Usages } from "./usages.ts";

/** What a certificate says. */
export interface CertificateTemplate {
  subject: Subject;
  names: AlternativeName[];
  notBefore: Date;
  notAfter: Date;
  usages: Usages;
  /** An authority: how many authorities may stand below it; -1 is any number. */
  authority?: { pathLength: number };
  /** Hexadecimal; 20 random bytes when absent. */
  serial?: string;
  ocspUrl?: string;
  issuerUrls?: string[];
  crlUrl?: string;
}

export interface Issuer {
  /** PEM. */
  cert: string;
  key: KeyObject;
}

/** Signs a template for a public key. @returns PEM */
export async function signTemplate(
  template: CertificateTemplate,
  subjectKey: KeyObject,
  issuer: Issuer,
): Promise<string> {
  const x509 = await library();
  const publicKey = publicCryptoKey(subjectKey);
  const parent = new x509.X509Certificate(issuer.cert);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: template.serial ?? newSerial(),
    subject: toJsonName(template.subject),
    issuer: parent.subjectName,
    publicKey,
    signingKey: toCryptoKeys(issuer.key).privateKey,
    signingAlgorithm: signingAlgorithm(issuer.key),
    notBefore: template.notBefore,
    notAfter: template.notAfter,
    extensions: [...(await extensionsOf(x509, template, publicKey)), await issuerIdentifier(x509, parent)],
  });
  return `${cert.toString("pem")}\n`;
}

/** The same certificate for another time, and perhaps another key: subject, names and usages stay. @returns PEM */
export async function reissue(
  cert: string,
  key: KeyObject,
  issuer: Issuer,
  { notBefore, notAfter }: Pick<CertificateTemplate, "notBefore" | "notAfter">,
): Promise<string> {
  const x509 = await library();
  const [old, parent] = [new x509.X509Certificate(cert), new x509.X509Certificate(issuer.cert)];
  const publicKey = publicCryptoKey(key);
  const ownKey = [x509.AuthorityKeyIdentifierExtension, x509.SubjectKeyIdentifierExtension];
  const kept = old.extensions.filter((extension) => !ownKey.some((kind) => extension instanceof kind));
  const fresh = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: old.subjectName,
    issuer: parent.subjectName,
    publicKey,
    signingKey: toCryptoKeys(issuer.key).privateKey,
    signingAlgorithm: signingAlgorithm(issuer.key),
    notBefore,
    notAfter,
    extensions: [
      ...kept,
      ...(old.getExtension(x509.SubjectKeyIdentifierExtension)
        ? [await x509.SubjectKeyIdentifierExtension.create(publicKey)]
        : []),
      await issuerIdentifier(x509, parent),
    ],
  });
  return `${fresh.toString("pem")}\n`;
}

/** A certificate that its own key signs. @returns PEM */
export async function selfSign(template: CertificateTemplate, key: KeyObject): Promise<string> {
  const x509 = await library();
  const keys = toCryptoKeys(key);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: template.serial ?? newSerial(),
    name: toJsonName(template.subject),
    keys,
    signingAlgorithm: signingAlgorithm(key),
    notBefore: template.notBefore,
    notAfter: template.notAfter,
    extensions: await extensionsOf(x509, template, keys.publicKey),
  });
  return `${cert.toString("pem")}\n`;
}

async function extensionsOf(x509: Library, template: CertificateTemplate, publicKey: CryptoKey) {
  const { authority, usages, names, ocspUrl, issuerUrls = [], crlUrl } = template;
  const length = authority && authority.pathLength >= 0 ? authority.pathLength : undefined;
  const url = (value: string) => new x509.GeneralName("url", value);
  return [
    ...(usages.key ? [new x509.KeyUsagesExtension(usages.key, true)] : []),
    ...(usages.extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(usages.extended)] : []),
    new x509.BasicConstraintsExtension(authority !== undefined, length, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ...(crlUrl ? [new x509.CRLDistributionPointsExtension([crlUrl])] : []),
    ...(ocspUrl || issuerUrls.length > 0
      ? [
          new x509.AuthorityInfoAccessExtension({
            ...(ocspUrl ? { ocsp: url(ocspUrl) } : {}),
            ...(issuerUrls.length > 0 ? { caIssuers: issuerUrls.map(url) } : {}),
          }),
        ]
      : []),
  ];
}

/** By what the issuer calls its key, or else the hash of it. */
async function issuerIdentifier(x509: Library, issuer: InstanceType<Library["X509Certificate"]>) {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  if (own) return new x509.AuthorityKeyIdentifierExtension(own.keyId);
  return x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey);
}

/** Positive, and longer than any two will ever agree by chance. */
function newSerial(): string {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString("hex");
}

function publicCryptoKey(key: KeyObject): CryptoKey {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.toCryptoKey(signingAlgorithm(publicKey), true, ["verify"]) as CryptoKey;
}
