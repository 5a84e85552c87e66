import { createPublicKey, type KeyObject } from "node:crypto";
import { signingAlgorithm, toCryptoKeys } from "./keys.ts";
import { library } from "./library.ts";
import { type AlternativeName, type Subject, type SubjectAttribute, toJsonName } from "./subject.ts";
import type { Usages } from "./usages.ts";

/** A certificate request (PKCS #10). */
export interface SigningRequest {
  subject: Subject;
  names: AlternativeName[];
  /** What it asks to be for. */
  usages?: Usages;
  /** It asks to be an authority. */
  authority?: { pathLength: number };
}

/** @returns PEM */
export async function createSigningRequest(
  { subject, names, usages, authority }: SigningRequest,
  key: KeyObject,
): Promise<string> {
  const x509 = await library();
  const length = authority && authority.pathLength >= 0 ? authority.pathLength : undefined;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: toJsonName(subject),
    keys: toCryptoKeys(key),
    signingAlgorithm: signingAlgorithm(key),
    extensions: [
      ...(usages?.key ? [new x509.KeyUsagesExtension(usages.key, true)] : []),
      ...(usages && usages.extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(usages.extended)] : []),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ...(authority ? [new x509.BasicConstraintsExtension(true, length, true)] : []),
    ],
  });
  return `${csr.toString("pem")}\n`;
}

const known = new Set<string>(["C", "ST", "L", "O", "OU", "CN", "E", "2.5.4.5"]);

/** @throws when the text is no request, or its own signature is wrong */
export async function readSigningRequest(csr: string): Promise<SigningRequest & { publicKey: KeyObject }> {
  const x509 = await library();
  const parsed = parse(() => new x509.Pkcs10CertificateRequest(csr));
  if (!(await parsed.verify())) throw new Error("the certificate request's signature does not match its key");
  const subject = parsed.subjectName
    .toJSON()
    .flatMap((part) =>
      Object.entries(part).flatMap(([attribute, values]) =>
        values.map((value) => [attribute as SubjectAttribute, String(value)] as const),
      ),
    );
  const foreign = subject.find(([attribute]) => !known.has(attribute));
  if (foreign)
    throw new Error(`the certificate request's subject has the attribute ${foreign[0]}, which is not signed here`);
  const alternative = parsed.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
  const constraints = parsed.extensions.find((extension) => extension instanceof x509.BasicConstraintsExtension);
  const extended = parsed.extensions.find((extension) => extension instanceof x509.ExtendedKeyUsageExtension);
  const key = parsed.extensions.find((extension) => extension instanceof x509.KeyUsagesExtension);
  const publicKey = createPublicKey({ key: Buffer.from(parsed.publicKey.rawData), format: "der", type: "spki" });
  return {
    subject,
    names: (alternative?.names.items ?? []).flatMap(({ type, value }) =>
      type === "dns" || type === "ip" || type === "email" || type === "url" ? [{ type, value }] : [],
    ),
    usages: { key: key?.usages ?? 0, extended: extended?.usages.map(String) ?? [] },
    ...(constraints?.ca ? { authority: { pathLength: constraints.pathLength ?? -1 } } : {}),
    publicKey,
  };
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error("this is no certificate request in PEM", { cause: error });
  }
}
