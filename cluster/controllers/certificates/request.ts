import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { Authority, CertificateRequest } from "@capstan/core/pki";

export function has({ status }: CertificateSigningRequest, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type) === true;
}

export function isDecided(request: CertificateSigningRequest): boolean {
  return Boolean(request.status?.certificate) || has(request, "Approved") || has(request, "Denied");
}

export function isApproved(request: CertificateSigningRequest): boolean {
  return has(request, "Approved") && !has(request, "Denied") && !has(request, "Failed");
}

/** What the PKCS #10 request asks for; undefined when it cannot be read. */
export async function readCsr(
  authority: Pick<Authority, "read">,
  { spec }: CertificateSigningRequest,
): Promise<CertificateRequest | undefined> {
  try {
    return await authority.read(Buffer.from(spec.request, "base64").toString());
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
