// What certificates and requests have in common: a body, how it is signed, and the signature.
import { type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import * as der from "./der.ts";
import { signingAlgorithm } from "./keys.ts";
import type { Subject, SubjectAttribute } from "./subject.ts";

const signAsync = promisify(
  (hash: string | null, data: der.Der, key: KeyObject, done: (error: Error | null, signature: Buffer) => void) =>
    sign(hash, data, key, done),
);

/** By hash. Sources: RFC 5758, RFC 4055, RFC 8410. */
const identifiers: Record<string, Record<string, string>> = {
  ECDSA: { "SHA-256": "1.2.840.10045.4.3.2", "SHA-384": "1.2.840.10045.4.3.3", "SHA-512": "1.2.840.10045.4.3.4" },
  "RSASSA-PKCS1-v1_5": {
    "SHA-256": "1.2.840.113549.1.1.11",
    "SHA-384": "1.2.840.113549.1.1.12",
    "SHA-512": "1.2.840.113549.1.1.13",
  },
  Ed25519: { "": "1.3.101.112" },
};

/** How the key signs, as certificates name it. */
export function algorithmOf(key: KeyObject): der.Der {
  const { name, hash = "" } = signingAlgorithm(key);
  const text = identifiers[name]?.[hash];
  if (!text) throw new Error(`signing with ${name} and ${hash} is not supported`);
  return der.sequence(der.identifier(text), ...(name.startsWith("RSA") ? [der.nothing()] : []));
}

/** @param label of the PEM. @returns PEM */
export async function signBody(body: der.Der, key: KeyObject, label: string): Promise<string> {
  const hash = signingAlgorithm(key).hash?.replace("-", "") ?? null;
  // RSA takes milliseconds, which others need not wait for; the rest takes less than the way to another thread.
  const signature = key.asymmetricKeyType === "rsa" ? await signAsync(hash, body, key) : sign(hash, body, key);
  return toPem(der.sequence(body, algorithmOf(key), der.bits(signature)), label);
}

function toPem(bytes: der.Der, label: string): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

const attributes: Record<SubjectAttribute, string> = {
  CN: "2.5.4.3",
  "2.5.4.5": "2.5.4.5",
  C: "2.5.4.6",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  O: "2.5.4.10",
  OU: "2.5.4.11",
  E: "1.2.840.113549.1.9.1",
};

/** Each attribute in a set of its own, in this order. */
export function nameOf(subject: Subject): der.Der {
  const sets = subject.map(([attribute, value]) =>
    der.set(der.sequence(der.identifier(attributes[attribute]), attribute === "E" ? der.ia5(value) : der.text(value))),
  );
  return der.sequence(...sets);
}
