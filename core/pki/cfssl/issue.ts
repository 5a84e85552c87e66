// The acts of cfssl: authorities, requests and certificates from its files.
import { type KeyObject, X509Certificate } from "node:crypto";
import {
  type AlternativeName,
  type CertificateTemplate,
  createSigningRequest,
  generateKey,
  type Issuer,
  pathLengthOf,
  readSigningRequest,
  readUsages,
  type Subject,
  type SubjectAttribute,
  selfSign,
  signTemplate,
} from "../x509/index.ts";
import type { CsrConfig } from "./csr-config.ts";
import type { Profile } from "./signing-config.ts";

const hour = 3_600_000;
const backdate = 5 * 60_000;
/** cfssl's: five years. */
const authorityExpiry = 43_800 * hour;

export interface NewAuthority {
  cert: string;
  csr: string;
  key: KeyObject;
}

/** A root authority. @param key an existing one; absent: a new one of the configuration's kind */
export async function createAuthority(config: CsrConfig, key?: KeyObject, now = Date.now()): Promise<NewAuthority> {
  const own = key ?? (await generateKey(config.key));
  const { subject, names, ca } = config;
  const authority = { pathLength: ca?.pathLength ?? -1 };
  const begin = now - (ca?.backdate ?? backdate);
  const cert = await selfSign(
    {
      subject,
      names: authorityNames(names),
      notBefore: new Date(begin),
      notAfter: new Date(begin + (ca?.expiry ?? authorityExpiry)),
      usages: readUsages(["cert sign", "crl sign"], "usages"),
      authority,
    },
    own,
  );
  return { cert, csr: await createSigningRequest({ subject, names, authority }, own), key: own };
}

/** A new key and a request for it. */
export async function createKeyAndRequest(
  config: CsrConfig,
  key?: KeyObject,
): Promise<{ csr: string; key: KeyObject }> {
  const own = key ?? (await generateKey(config.key));
  const { subject, names, ca } = config;
  const authority = ca && { pathLength: ca.pathLength };
  return { csr: await createSigningRequest({ subject, names, ...(authority ? { authority } : {}) }, own), key: own };
}

export interface SignOptions {
  profile: Profile;
  /** In place of those of the request. */
  names?: AlternativeName[];
  /** Attributes in place of those of the request; of others the request's stay. */
  subject?: Subject;
  now?: number;
}

/** Signs a request as the profile says. @throws when the authority may not, or is not valid now */
export async function signRequest(issuer: Issuer, csr: string, options: SignOptions): Promise<string> {
  const request = await readSigningRequest(csr);
  const subject = options.subject ? completeSubject(options.subject, request.subject) : request.subject;
  const template = templateOf(options, subject, options.names ?? request.names);
  checkIssuer(issuer, template, options.now ?? Date.now());
  return signTemplate(template, request.publicKey, issuer);
}

/** As cfssl: an authority is known by its subject, and of the other names only addresses stay. */
function authorityNames(names: AlternativeName[]): AlternativeName[] {
  return names.filter(({ type }) => type === "ip");
}

const order: readonly SubjectAttribute[] = ["C", "ST", "L", "O", "OU", "2.5.4.5", "CN"];

function completeSubject(subject: Subject, request: Subject): Subject {
  const has = (attribute: SubjectAttribute) => subject.some(([name]) => name === attribute);
  return order.flatMap((attribute) => (has(attribute) ? subject : request).filter(([name]) => name === attribute));
}

/** A certificate for the key itself alone. */
export async function createSelfSigned(config: CsrConfig, options: SignOptions): Promise<NewAuthority> {
  const { csr, key } = await createKeyAndRequest(config);
  return { cert: await selfSign(templateOf(options, config.subject, config.names), key), csr, key };
}

function templateOf(
  { profile, now = Date.now() }: SignOptions,
  subject: Subject,
  names: AlternativeName[],
): CertificateTemplate {
  const notBefore = profile.notBefore ?? new Date(now - profile.backdate);
  const { usages, authority, ocspUrl, crlUrl, issuerUrls } = profile;
  return {
    subject,
    names: authority ? authorityNames(names) : names,
    notBefore,
    notAfter: profile.notAfter ?? new Date(notBefore.getTime() + profile.expiry),
    usages,
    issuerUrls,
    ...(authority ? { authority } : {}),
    ...(ocspUrl ? { ocspUrl } : {}),
    ...(crlUrl ? { crlUrl } : {}),
  };
}

/** RFC 5280, 4.2.1.9 and 6.1: what a verifier would refuse is not signed. */
function checkIssuer({ cert, key }: Issuer, template: CertificateTemplate, now: number): void {
  const issuer = new X509Certificate(cert);
  if (!issuer.checkPrivateKey(key)) throw new Error("the authority's key is not that of its certificate");
  if (!issuer.ca) throw new Error("the certificate that should sign is no authority (basicConstraints CA is false)");
  const [from, to] = [issuer.validFromDate.getTime(), issuer.validToDate.getTime()];
  if (now > to) throw new Error(`the authority has expired on ${issuer.validToDate.toISOString()}: renew it first`);
  if (now < from) throw new Error(`the authority is not valid before ${issuer.validFromDate.toISOString()}`);
  if (template.notAfter.getTime() > to) template.notAfter = issuer.validToDate;
  if (template.authority && pathLengthOf(cert) === 0) {
    throw new Error("the authority may not sign other authorities (its pathlen is 0)");
  }
}
