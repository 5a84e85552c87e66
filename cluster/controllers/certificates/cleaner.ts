import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { has } from "./request.ts";
import { isOwnSigner } from "./signer.ts";

const hour = 3_600_000;
/** How long an approved request may go unsigned before somebody is told. */
const unsignedMs = 30_000;

/**
 * Removes requests that nobody needs any more, and says of an approved one that nothing signs it.
 * Source: kubernetes/pkg/controller/certificates/cleaner.
 */
export function createCertificateCleaner(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "csr-cleaner");
  const requests = workshop.informers.informer(CertificateSigningRequests);
  return createController({
    name: "csr-cleaner",
    informers: workshop.informers,
    log: workshop.log,
    sources: [{ resource: CertificateSigningRequests }],
    async reconcile(ref) {
      const request = requests.get(ref);
      if (!request) return undefined;
      const left = endOf(request) - workshop.now();
      if (left <= 0) {
        await workshop.client.delete(CertificateSigningRequests, ref).catch((error) => {
          if (!isReason(error, "NotFound")) throw error;
        });
        return undefined;
      }
      const approvedAt = transitionOf(request, "Approved");
      const { signerName } = request.spec;
      if (approvedAt === undefined || request.status?.certificate || isOwnSigner(signerName)) {
        return { requeueAfter: left };
      }
      const patience = approvedAt + unsignedMs - workshop.now();
      if (patience > 0) return { requeueAfter: Math.min(left, patience) };
      const words = `the request is approved, but nothing has signed it: no signer of this cluster is called "${signerName}"`;
      workshop.recorder.warning(request, "NoSigner", words);
      return { requeueAfter: left };
    },
  });
}

/** When the request is removed, in milliseconds since 1970. */
function endOf(request: CertificateSigningRequest): number {
  const created = Date.parse(request.metadata.creationTimestamp ?? "");
  const settled = ["Approved", "Denied", "Failed"].map((type) => transitionOf(request, type));
  const known = settled.filter((at) => at !== undefined);
  if (known.length === 0 || (has(request, "Approved") && !request.status?.certificate)) return created + 24 * hour;
  return Math.max(...known) + hour;
}

function transitionOf({ status }: CertificateSigningRequest, type: string): number | undefined {
  const found = status?.conditions?.find((condition) => condition.type === type);
  const at = Date.parse(found?.lastTransitionTime ?? found?.lastUpdateTime ?? "");
  return Number.isNaN(at) ? undefined : at;
}
