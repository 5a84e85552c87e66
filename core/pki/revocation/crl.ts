import { type Issuer, library, signingAlgorithm, toCryptoKeys } from "../x509/index.ts";
import { hexOf, type Revocation, reasons } from "./ledger.ts";

export interface CrlOptions {
  issuer: Issuer;
  revocations: Revocation[];
  thisUpdate: Date;
  nextUpdate: Date;
}

/** A list of revoked certificates, DER. Those of other authorities are left out. Source: RFC 5280, 5. */
export async function createCrl({ issuer, revocations, thisUpdate, nextUpdate }: CrlOptions): Promise<Uint8Array> {
  const x509 = await library();
  const authority = new x509.X509Certificate(issuer.cert);
  const own = authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId.toLowerCase();
  const entries = revocations.filter(({ aki }) => aki === undefined || own === undefined || aki === own);
  const crl = await x509.X509CrlGenerator.create({
    issuer: authority.subjectName,
    thisUpdate,
    nextUpdate,
    signingAlgorithm: signingAlgorithm(issuer.key),
    signingKey: toCryptoKeys(issuer.key).privateKey,
    extensions: own
      ? [new x509.AuthorityKeyIdentifierExtension(own)]
      : [await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey)],
    entries: entries.map(({ serial, reason, at }) => ({
      serialNumber: hexOf(serial),
      revocationDate: new Date(at),
      ...(reasons[reason] === 0 ? {} : { reason: reasons[reason] as number }),
    })),
  });
  return new Uint8Array(crl.rawData);
}
