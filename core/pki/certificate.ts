import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";

/** A certificate (its chain, PEM) and its private key (PKCS #8, PEM). The key is a secret: never log it. */
export interface KeyPair {
  cert: string;
  key: string;
}

export type Usage = "client" | "server";

/** What a certificate should say. */
export interface CertificateRequest {
  commonName: string;
  /** For clients: their groups (`O`). */
  organizations?: string[];
  /** For servers: DNS names and IP addresses that clients may dial; e-mail addresses and URIs where a request asks for these. */
  hosts?: string[];
  usages: Usage[];
  /** Days of life; default 365. */
  days?: number;
}

/** One day, in milliseconds. */
export const day = 86_400_000;

/** Why a stored pair cannot serve a request any more, or undefined while it can. */
export function unfit(
  pair: KeyPair,
  request: CertificateRequest,
  ca: X509Certificate,
  now: number,
): string | undefined {
  const cert = readCertificate(pair.cert);
  if (!cert) return "it is damaged";
  const key = attempt(() => createPrivateKey(pair.key));
  if (!key || !cert.checkPrivateKey(key)) return "its key is another one's";
  if (!cert.checkIssued(ca) || !cert.verify(ca.publicKey)) return "another authority signed it";
  if (now >= renewalTime(pair.cert)) return "less than a third of its life is left";
  const subject = subjectOf(cert);
  if (subject.commonName !== request.commonName) return "its name differs";
  const groups = request.organizations ?? [];
  if (!sameSet(subject.organizations, groups)) return "its groups differ";
  const missing = (request.hosts ?? []).find((host) => !(isIP(host) ? cert.checkIP(host) : cert.checkHost(host)));
  return missing === undefined ? undefined : `it does not name ${missing}`;
}

/** Undefined for what is no certificate. */
export const readCertificate = (pem: string): X509Certificate | undefined => attempt(() => new X509Certificate(pem));

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** When a certificate should be renewed: with a third of its life left. Milliseconds since the epoch. */
export function renewalTime(cert: string): number {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return to - (to - from) / 3;
}

/** The names in a certificate's subject that say who its holder is. */
export function subjectOf(cert: X509Certificate): { commonName: string; organizations: string[] } {
  const { subject } = cert.toLegacyObject();
  const list = (value: string | string[] | undefined) => (value === undefined ? [] : [value].flat());
  return { commonName: list(subject.CN)[0] ?? "", organizations: list(subject.O) };
}

function sameSet(one: string[], other: string[]): boolean {
  const set = new Set(one);
  return set.size === new Set(other).size && other.every((item) => set.has(item));
}
