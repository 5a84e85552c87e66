import { createPublicKey, type KeyObject, verify } from "node:crypto";
import * as der from "./der.ts";
import { constraintsExtension, namesExtension, usageExtensions } from "./extensions.ts";
import { type Library, library } from "./library.ts";
import { nameOf, signBody } from "./signature.ts";
import type { AlternativeName, Subject, SubjectAttribute } from "./subject.ts";
import type { Usages } from "./usages.ts";

/** Of PKCS #9: the attribute with what a request wants of extensions. */
const extensionRequest = "1.2.840.113549.1.9.14";

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
  const extensions = [
    ...(usages ? usageExtensions(usages) : []),
    ...namesExtension(names),
    ...(authority ? [constraintsExtension(authority)] : []),
  ];
  const wanted = der.sequence(der.identifier(extensionRequest), der.set(der.sequence(...extensions)));
  const body = der.sequence(
    der.integer(Uint8Array.of(0)),
    nameOf(subject),
    createPublicKey(key).export({ format: "der", type: "spki" }),
    der.explicit(0, ...(extensions.length > 0 ? [wanted] : [])),
  );
  return signBody(body, key, "CERTIFICATE REQUEST");
}

const known = new Set<string>(["C", "ST", "L", "O", "OU", "CN", "E", "2.5.4.5"]);

/** @throws when the text is no request, or its own signature is wrong */
export async function readSigningRequest(csr: string): Promise<SigningRequest & { publicKey: KeyObject }> {
  const x509 = await library();
  const parsed = parse(() => new x509.Pkcs10CertificateRequest(csr));
  const publicKey = createPublicKey({ key: Buffer.from(parsed.publicKey.rawData), format: "der", type: "spki" });
  if (!(await isSigned(parsed, publicKey)))
    throw new Error("the certificate request's signature does not match its key");
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
  return {
    subject,
    names: (alternative?.names.items ?? []).flatMap(({ type, value }) =>
      type === "dns" || type === "ip" || type === "email" || type === "url" ? [{ type, value }] : [],
    ),
    usages: { key: key?.usages ?? 0, extended: Array.from(extended?.usages ?? [], String) },
    ...(constraints?.ca ? { authority: { pathLength: constraints.pathLength ?? -1 } } : {}),
    publicKey,
  };
}

type Request = InstanceType<Library["Pkcs10CertificateRequest"]>;

/** By its own key. */
async function isSigned(request: Request, key: KeyObject): Promise<boolean> {
  const { name, hash } = request.signatureAlgorithm as { name: string; hash?: { name: string } };
  if (name === "RSA-PSS") return request.verify();
  const [body = new Uint8Array()] = der.partsOf(new Uint8Array(request.rawData));
  return verify(hash?.name.replace("-", "") ?? null, body, key, new Uint8Array(request.signature));
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error("this is no certificate request in PEM", { cause: error });
  }
}
