// Answers to "is this certificate revoked?". Source: RFC 6960.
import { createHash, type KeyObject, sign, X509Certificate } from "node:crypto";
import {
  BasicOCSPResponse,
  CertID,
  CertStatus,
  id_pkix_ocsp_basic,
  id_pkix_ocsp_nonce,
  KeyHash,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  ResponderID,
  ResponseBytes,
  ResponseData,
  RevokedInfo,
  SingleResponse,
} from "@peculiar/asn1-ocsp";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, Certificate, CRLReason, type Extension, Extensions } from "@peculiar/asn1-x509";
import { signingAlgorithm } from "../x509/index.ts";
import { type Reason, reasons } from "./ledger.ts";

/** What is known of a certificate. */
export type Standing = { status: "good" | "unknown" } | { status: "revoked"; at: Date; reason: Reason };

export interface Responder {
  /** PEM: the authority whose certificates are asked about. */
  issuer: string;
  /** PEM: the authority itself, or who may answer for it. */
  cert: string;
  key: KeyObject;
  /** Milliseconds for which an answer holds. */
  validity: number;
}

/** Certificates in one request. */
const requestLimit = 100;
const hashes: Record<string, string> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};
const signatures: Record<string, string> = {
  "ECDSA SHA-256": "1.2.840.10045.4.3.2",
  "ECDSA SHA-384": "1.2.840.10045.4.3.3",
  "ECDSA SHA-512": "1.2.840.10045.4.3.4",
  "RSASSA-PKCS1-v1_5 SHA-256": "1.2.840.113549.1.1.11",
  "RSASSA-PKCS1-v1_5 SHA-384": "1.2.840.113549.1.1.12",
  "RSASSA-PKCS1-v1_5 SHA-512": "1.2.840.113549.1.1.13",
  Ed25519: "1.3.101.112",
};

/** @param standing by serial, in decimal. @returns DER, also for what cannot be read */
export function answerOcsp(
  request: Uint8Array,
  responder: Responder,
  standing: (serial: string) => Standing,
  now: number,
): Uint8Array {
  let asked: OCSPRequest;
  try {
    asked = AsnConvert.parse(request, OCSPRequest);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return failure(OCSPResponseStatus.malformedRequest);
  }
  const { requestList, requestExtensions } = asked.tbsRequest;
  if (requestList.length === 0 || requestList.length > requestLimit)
    return failure(OCSPResponseStatus.malformedRequest);
  const issuer = AsnConvert.parse(new X509Certificate(responder.issuer).raw, Certificate);
  const responses = requestList.map(({ reqCert }) => {
    const own = isIssuer(issuer, reqCert);
    const serial = BigInt(`0x${Buffer.from(reqCert.serialNumber).toString("hex") || "0"}`).toString();
    return new SingleResponse({
      certID: reqCert,
      certStatus: statusOf(own ? standing(serial) : { status: "unknown" }),
      thisUpdate: new Date(now),
      nextUpdate: new Date(now + responder.validity),
    });
  });
  const nonce = requestExtensions?.find(({ extnID }) => extnID === id_pkix_ocsp_nonce);
  return signed(responses, responder, now, nonce);
}

/** A response about one certificate, as a file that a server may staple. */
export function signOcsp(cert: string, responder: Responder, standing: Standing, now: number): Uint8Array {
  const issuer = AsnConvert.parse(new X509Certificate(responder.issuer).raw, Certificate);
  const subject = AsnConvert.parse(new X509Certificate(cert).raw, Certificate);
  const [name, key] = hashesOf(issuer, "sha1");
  const certID = new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: "1.3.14.3.2.26", parameters: null }),
    issuerNameHash: new OctetString(name),
    issuerKeyHash: new OctetString(key),
    serialNumber: subject.tbsCertificate.serialNumber,
  });
  const response = new SingleResponse({
    certID,
    certStatus: statusOf(standing),
    thisUpdate: new Date(now),
    nextUpdate: new Date(now + responder.validity),
  });
  return signed([response], responder, now, undefined);
}

function isIssuer(
  issuer: Certificate,
  { hashAlgorithm, issuerNameHash, issuerKeyHash }: SingleResponse["certID"],
): boolean {
  const hash = hashes[hashAlgorithm.algorithm];
  if (!hash) return false;
  const [name, key] = hashesOf(issuer, hash);
  return name.equals(Buffer.from(issuerNameHash.buffer)) && key.equals(Buffer.from(issuerKeyHash.buffer));
}

function hashesOf({ tbsCertificate }: Certificate, hash: string): [Buffer, Buffer] {
  const digest = (bytes: ArrayBuffer) => createHash(hash).update(Buffer.from(bytes)).digest();
  return [
    digest(AsnConvert.serialize(tbsCertificate.subject)),
    digest(tbsCertificate.subjectPublicKeyInfo.subjectPublicKey),
  ];
}

function statusOf(standing: Standing): CertStatus {
  if (standing.status === "good") return new CertStatus({ good: null });
  if (standing.status !== "revoked") return new CertStatus({ unknown: null });
  const reason = reasons[standing.reason];
  const revocationReason = reason === 0 ? undefined : new CRLReason(reason as number);
  return new CertStatus({
    revoked: new RevokedInfo({ revocationTime: standing.at, ...(revocationReason ? { revocationReason } : {}) }),
  });
}

function signed(
  responses: SingleResponse[],
  { issuer, cert, key }: Responder,
  now: number,
  nonce: Extension | undefined,
) {
  const own = AsnConvert.parse(new X509Certificate(cert).raw, Certificate);
  const [, keyHash] = hashesOf(own, "sha1");
  const data = new ResponseData({
    responderID: new ResponderID({ byKey: new KeyHash(keyHash) }),
    producedAt: new Date(now),
    responses,
    ...(nonce ? { responseExtensions: new Extensions([nonce]) } : {}),
  });
  const algorithm = signingAlgorithm(key);
  const digest = algorithm.hash?.replace("SHA-", "sha") ?? null;
  const bytes = Buffer.from(AsnConvert.serialize(data));
  const basic = new BasicOCSPResponse({
    tbsResponseData: data,
    signatureAlgorithm: new AlgorithmIdentifier({
      algorithm: signatures[`${algorithm.name}${algorithm.hash ? ` ${algorithm.hash}` : ""}`] ?? "",
      ...(algorithm.name.startsWith("RSA") ? { parameters: null } : {}),
    }),
    signature: toArrayBuffer(sign(digest, bytes, key)),
    ...(cert === issuer ? {} : { certs: [own] }),
  });
  const response = new OctetString(AsnConvert.serialize(basic));
  const responseBytes = new ResponseBytes({ responseType: id_pkix_ocsp_basic, response });
  const whole = new OCSPResponse({ responseStatus: OCSPResponseStatus.successful, responseBytes });
  return new Uint8Array(AsnConvert.serialize(whole));
}

function failure(responseStatus: OCSPResponseStatus): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(new OCSPResponse({ responseStatus })));
}

function toArrayBuffer(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}
