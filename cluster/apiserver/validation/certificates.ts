// Requests for certificates. Source: upstream's pkg/apis/certificates/validation.
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { FieldErrors } from "../field-errors.ts";
import { isDnsLabel, isSubdomain, subdomainDetail } from "../metadata.ts";

const requestBlock = "-----BEGIN CERTIFICATE REQUEST-----";

/** Source: certificates' allowed key usages. */
const keyUsages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

/** Seconds below which no certificate may be asked for. */
const shortest = 600;

export function checkCertificateRequest({ spec }: CertificateSigningRequest, errors: FieldErrors): void {
  const request = spec?.request ?? "";
  if (!atob(request).includes(requestBlock)) {
    errors.invalid("spec.request", request === "" ? null : request, "PEM block type must be CERTIFICATE REQUEST");
  }
  checkSigner(spec?.signerName ?? "", errors);
  const usages = spec?.usages ?? [];
  if (usages.length === 0) errors.required("spec.usages");
  for (const [i, usage] of usages.entries()) {
    if (!keyUsages.includes(usage)) errors.notSupported(`spec.usages[${i}]`, usage, keyUsages);
    if (usages.indexOf(usage) < i) errors.duplicate(`spec.usages[${i}]`, usage);
  }
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < shortest) {
    const detail = `may not specify a duration less than ${shortest} seconds (10 minutes)`;
    errors.invalid("spec.expirationSeconds", seconds, detail);
  }
}

function checkSigner(name: string, errors: FieldErrors): void {
  const at = "spec.signerName";
  const [, domain = "", path = ""] = /^([^/]*)\/(.+)$/.exec(name) ?? [];
  if (!name) errors.required(at);
  else if (!domain || !path) {
    errors.invalid(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  } else if (!isSubdomain(domain)) errors.invalid(at, domain, subdomainDetail);
  else if (!domain.includes(".")) {
    errors.invalid(at, domain, "should be a domain with at least two segments separated by dots");
  } else if (!path.split(".").every(isDnsLabel)) errors.invalid(at, path, subdomainDetail);
  else if (name === "kubernetes.io/legacy-unknown") {
    errors.invalid(at, name, "the legacy signerName is not allowed via this API version");
  }
}
