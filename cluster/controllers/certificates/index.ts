// Certificates for those whose requests were approved, by the signers that every cluster has.
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests } from "@capstan/api/generated/resources";
import { messageOf } from "@capstan/base/errors";
import type { Authority } from "@capstan/core/pki";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, formatTime } from "../context.ts";
import { isApproved } from "./request.ts";
import { certificateFor, isOwnSigner } from "./signer.ts";

export { createCertificateApprover } from "./approver.ts";
export { createCertificateCleaner } from "./cleaner.ts";

export interface CertificateSignerOptions extends ControllerContext {
  authority: Pick<Authority, "read" | "sign">;
}

/** Source: kubernetes/pkg/controller/certificates/signer. */
export function createCertificateSigner({
  client,
  informers,
  log,
  authority,
  now = Date.now,
}: CertificateSignerOptions): Controller {
  const requests = informers.informer(CertificateSigningRequests);
  const fail = (request: CertificateSigningRequest, message: string) => {
    const at = formatTime(now());
    const condition = {
      type: "Failed",
      status: "True",
      reason: "SignerValidationFailure",
      message,
      lastUpdateTime: at,
      lastTransitionTime: at,
    };
    const conditions = [...(request.status?.conditions ?? []), condition];
    return client.updateStatus(CertificateSigningRequests, { ...request, status: { ...request.status, conditions } });
  };
  return createController({
    name: "csr-signing",
    informers,
    log,
    sources: [{ resource: CertificateSigningRequests }],
    reconcile: async (ref) => {
      const request = requests.get(ref);
      if (!request || !isOwnSigner(request.spec.signerName) || !isApproved(request) || request.status?.certificate)
        return undefined;
      const csr = Buffer.from(request.spec.request, "base64").toString();
      let certificate: string;
      try {
        const wanted = certificateFor(await authority.read(csr), request.spec);
        if ("refused" in wanted) {
          await fail(request, wanted.refused);
          return undefined;
        }
        certificate = await authority.sign(csr, wanted);
      } catch (error) {
        await fail(request, `the request cannot be read: ${messageOf(error)}`);
        return undefined;
      }
      const status = { ...request.status, certificate: Buffer.from(certificate).toString("base64") };
      await client.updateStatus(CertificateSigningRequests, { ...request, status });
      return undefined;
    },
  });
}
