import type { Secret } from "@capstan/api/generated/core-v1";
import { Secrets } from "@capstan/api/generated/resources";
import type { ObjectRef } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { KeyPair } from "@capstan/core/pki";

/** On a Secret: the Service whose certificate it holds. It is renewed while the Secret says so. */
export const serviceAnnotation = "capstan.dev/certificate-service";
/** On the same: who signs. */
export const signerAnnotation = "capstan.dev/certificate-signer";

/** Under the names that TLS Secrets have, and under those that webhooks of the field mount. */
export function secretData({ cert, key }: KeyPair): Record<string, string> {
  const [certificate, secret] = [cert, key].map((text) => Buffer.from(text).toString("base64")) as [string, string];
  return { "tls.crt": certificate, "tls.key": secret, "cert.pem": certificate, "key.pem": secret };
}

/** The certificate that a Secret holds, PEM. */
export function certificateOf({ data }: Secret): string | undefined {
  const text = data?.["tls.crt"] ?? data?.["cert.pem"];
  return text === undefined ? undefined : Buffer.from(text, "base64").toString();
}

export async function storeCertificate(
  client: Client,
  ref: ObjectRef,
  pair: KeyPair,
  { service, signerName }: { service: string; signerName?: string | undefined },
): Promise<void> {
  const annotations = { [serviceAnnotation]: service, ...(signerName ? { [signerAnnotation]: signerName } : {}) };
  const object = { metadata: { ...ref, annotations }, type: "Opaque", data: secretData(pair) };
  await client.apply(Secrets, object, { fieldManager: "capstan-certificates", force: true });
}
