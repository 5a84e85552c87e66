const pem = /^-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

/** Why `spec.cert` cannot be a certificate, or undefined. The tenant works without one, so a wrong one only warns. */
export function certificateProblem(cert: string | undefined): string | undefined {
  if (!cert) return undefined;
  try {
    if (pem.test(atob(cert))) return undefined;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
  return "spec.cert: is not the base64 of a PEM certificate; write it with: base64 -w0 < domain.crt";
}
