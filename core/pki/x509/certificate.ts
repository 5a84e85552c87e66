import { createPublicKey, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import * as der from "./der.ts";
import {
  accessExtension,
  constraintsExtension,
  extensionNames,
  issuerKeyExtension,
  keyIdentifier,
  listsExtension,
  namesExtension,
  subjectKeyExtension,
  usageExtensions,
} from "./extensions.ts";
import { algorithmOf, nameOf, signBody } from "./signature.ts";
import type { AlternativeName, Subject } from "./subject.ts";
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

type Life = Pick<CertificateTemplate, "notBefore" | "notAfter">;

/** Signs a template for a public key. @returns PEM */
export async function signTemplate(
  template: CertificateTemplate,
  subjectKey: KeyObject,
  issuer: Issuer,
): Promise<string> {
  const { subject, keyId } = readFields(issuer.cert);
  const spki = publicBytes(subjectKey);
  return signFields(
    {
      serial: template.serial ?? newSerial(),
      issuer: subject,
      life: template,
      subject: nameOf(template.subject),
      spki,
      extensions: [...extensionsOf(template, spki), issuerKeyExtension(keyId)],
    },
    issuer.key,
  );
}

/** The same certificate for another time, and perhaps another key: subject, names and usages stay. @returns PEM */
export async function reissue(cert: string, key: KeyObject, issuer: Issuer, life: Life): Promise<string> {
  const [old, parent] = [readFields(cert), readFields(issuer.cert)];
  const spki = publicBytes(key);
  const ownKey: string[] = [extensionNames.subjectKey, extensionNames.issuerKey];
  const kept = old.extensions.filter(({ name }) => !ownKey.includes(name)).map(({ whole }) => whole);
  const named = old.extensions.some(({ name }) => name === extensionNames.subjectKey);
  return signFields(
    {
      serial: newSerial(),
      issuer: parent.subject,
      life,
      subject: old.subject,
      spki,
      extensions: [...kept, ...(named ? [subjectKeyExtension(spki)] : []), issuerKeyExtension(parent.keyId)],
    },
    issuer.key,
  );
}

/** A certificate that its own key signs. @returns PEM */
export async function selfSign(template: CertificateTemplate, key: KeyObject): Promise<string> {
  const [subject, spki] = [nameOf(template.subject), publicBytes(key)];
  const serial = template.serial ?? newSerial();
  const extensions = extensionsOf(template, spki);
  return signFields({ serial, issuer: subject, life: template, subject, spki, extensions }, key);
}

interface Fields {
  /** Hexadecimal. */
  serial: string;
  issuer: der.Der;
  life: Life;
  subject: der.Der;
  spki: der.Der;
  extensions: der.Der[];
}

/** TBSCertificate of RFC 5280, 4.1, version 3. */
function signFields({ serial, issuer, life, subject, spki, extensions }: Fields, key: KeyObject): Promise<string> {
  const body = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))),
    der.integer(Buffer.from(serial.length % 2 ? `0${serial}` : serial, "hex")),
    algorithmOf(key),
    issuer,
    der.sequence(der.time(life.notBefore), der.time(life.notAfter)),
    subject,
    spki,
    der.explicit(3, der.sequence(...extensions)),
  );
  return signBody(body, key, "CERTIFICATE");
}

function extensionsOf(template: CertificateTemplate, spki: der.Der): der.Der[] {
  return [
    ...usageExtensions(template.usages),
    constraintsExtension(template.authority),
    subjectKeyExtension(spki),
    ...namesExtension(template.names),
    ...listsExtension(template.crlUrl),
    ...accessExtension(template.ocspUrl, template.issuerUrls ?? []),
  ];
}

interface ReadFields {
  subject: der.Der;
  /** What it calls its key, or else the hash of it. */
  keyId: der.Der;
  extensions: { name: string; whole: der.Der; value: der.Der | undefined }[];
}

/** Those that go into other certificates as they are. */
function readFields(pem: string): ReadFields {
  const { raw } = new X509Certificate(pem);
  const [body = raw] = der.partsOf(raw);
  const parts = der.partsOf(body);
  const tagOf = (part: der.Der) => part[0];
  // Version 1 says nothing of it, and has no extensions.
  const [, , , , subject = body, spki = body] = tagOf(parts[0] ?? body) === 0xa0 ? parts.slice(1) : parts;
  const list = parts.find((part) => tagOf(part) === 0xa3);
  const extensions = (list ? der.partsOf(der.contentOf(list)) : []).map((whole) => {
    const [name = whole, ...rest] = der.partsOf(whole);
    return { name: der.readIdentifier(name), whole, value: rest.at(-1) };
  });
  const own = extensions.find(({ name }) => name === extensionNames.subjectKey)?.value;
  const keyId = own ? der.contentOf(der.contentOf(own)) : keyIdentifier(spki);
  return { subject, keyId, extensions };
}

/** How many authorities may stand below this one; undefined: any number, or the certificate is no authority. */
export function pathLengthOf(pem: string): number | undefined {
  const value = readFields(pem).extensions.find(({ name }) => name === extensionNames.constraints)?.value;
  if (!value) return undefined;
  const [, length] = der.partsOf(der.contentOf(value));
  return length && Buffer.from(der.contentOf(length)).readUIntBE(0, Math.min(6, der.contentOf(length).length));
}

function publicBytes(key: KeyObject): der.Der {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ format: "der", type: "spki" });
}

/** Positive, and longer than any two will ever agree by chance. */
function newSerial(): string {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString("hex");
}
