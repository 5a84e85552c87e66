import type { SubjectAccessReview } from "@capstan/api/generated/authorization-v1";
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests, Nodes } from "@capstan/api/generated/resources";
import { isReason, type Resource } from "@capstan/api/meta";
import type { Authority, CertificateRequest } from "@capstan/core/pki";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { has, isDecided, readCsr } from "./request.ts";
import { serviceNamespace, servingSigner } from "./serving.ts";
import { certificateFor } from "./signer.ts";

export interface CertificateApproverOptions extends ControllerContext {
  authority: Pick<Authority, "read">;
}

const SubjectAccessReviews: Resource<SubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  resource: "subjectaccessreviews",
  kind: "SubjectAccessReview",
  namespaced: false,
};

type Attributes = NonNullable<SubjectAccessReview["spec"]["resourceAttributes"]>;

interface Verdict {
  /** What the asker must be allowed for the request to be approved. */
  needs?: Attributes;
  approval?: string;
  /** Why it is denied. */
  denial?: string;
}

/**
 * Approves what its asker may have without a person's look, as the roles of kubeadm say, and denies what a node or a
 * service asks beyond itself. Everything else waits for `kubectl certificate approve`.
 * Source: kubernetes/pkg/controller/certificates/approver.
 */
export function createCertificateApprover(options: CertificateApproverOptions): Controller {
  const { informers, authority } = options;
  const workshop = openWorkshop(options, "csr-approving");
  const requests = informers.informer(CertificateSigningRequests);
  informers.informer(Nodes);
  return createController({
    name: "csr-approving",
    informers,
    log: workshop.log,
    sources: [{ resource: CertificateSigningRequests }],
    async reconcile(ref) {
      const request = requests.get(ref);
      if (!request || isDecided(request) || has(request, "Failed")) return undefined;
      const asked = await readCsr(authority, request);
      if (!asked) return undefined;
      const { needs, approval = "", denial } = judge(workshop, request, asked);
      if (denial) return decide(workshop, request, "Denied", "AutoDenied", denial);
      if (!needs || !(await isAllowed(workshop, request, needs))) return undefined;
      return decide(workshop, request, "Approved", "AutoApproved", approval);
    },
  });
}

function judge(workshop: Workshop, { spec }: CertificateSigningRequest, asked: CertificateRequest): Verdict {
  const signer = spec.signerName.replace("kubernetes.io/", "");
  const isNode = spec.username?.startsWith("system:node:") ?? false;
  const result = certificateFor(asked, spec);
  const refused = "refused" in result ? result.refused : undefined;
  const self = spec.username === asked.commonName;
  const access = (subresource: string): Attributes => {
    return { group: "certificates.k8s.io", resource: "certificatesigningrequests", subresource, verb: "create" };
  };
  if (signer === "kube-apiserver-client-kubelet") {
    if (refused) return isNode ? { denial: refused } : {};
    if (isNode && !self) return { denial: `${spec.username} may not ask for a certificate of ${asked.commonName}` };
    // Whoever has a token could else become a node that is there already.
    const taken = !isNode && workshop.informers.informer(Nodes).get({ name: nodeNameOf(asked) }) !== undefined;
    if (taken) return {};
    const approval = `Auto approving ${self ? "self " : ""}kubelet client certificate after SubjectAccessReview.`;
    return { needs: access(self ? "selfnodeclient" : "nodeclient"), approval };
  }
  if (signer === "kubelet-serving" && isNode) {
    const denial = refused ?? (self ? beyondNode(workshop, asked) : `${spec.username} is not ${asked.commonName}`);
    if (denial) return { denial };
    const approval = "Auto approving self kubelet server certificate after SubjectAccessReview.";
    return { needs: access("selfnodeserver"), approval };
  }
  if (spec.signerName === servingSigner) {
    if (refused) return { denial: refused };
    const namespace = serviceNamespace(asked.hosts ?? []);
    const needs = { group: "", resource: "secrets", verb: "create", namespace };
    return { needs, approval: `Auto approving a certificate for Services of namespace ${namespace}.` };
  }
  return {};
}

/** A name or address that is not the node's own. */
function beyondNode({ informers }: Workshop, asked: CertificateRequest): string | undefined {
  const name = nodeNameOf(asked);
  const node = informers.informer(Nodes).get({ name });
  const own = new Set([
    "localhost",
    "127.0.0.1",
    name,
    ...(node?.status?.addresses ?? []).map(({ address }) => address),
  ]);
  const foreign = (asked.hosts ?? []).find((host) => !own.has(host));
  return foreign === undefined ? undefined : `${foreign} is no name or address of node ${name}`;
}

async function isAllowed(
  { client }: Workshop,
  { spec }: CertificateSigningRequest,
  resourceAttributes: Attributes,
): Promise<boolean> {
  const { username: user = "", uid, groups, extra } = spec;
  const review = { user, groups, resourceAttributes, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
  const { status } = await client.create(SubjectAccessReviews, { metadata: {}, spec: review });
  return status?.allowed ?? false;
}

async function decide(
  workshop: Workshop,
  request: CertificateSigningRequest,
  type: "Approved" | "Denied",
  reason: string,
  message: string,
): Promise<undefined> {
  const at = workshop.timestamp();
  const condition = { type, status: "True", reason, message, lastUpdateTime: at, lastTransitionTime: at };
  const conditions = [...(request.status?.conditions ?? []), condition];
  try {
    await workshop.client.update(
      CertificateSigningRequests,
      { ...request, status: { ...request.status, conditions } },
      { subresource: "approval" },
    );
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}

function nodeNameOf({ commonName }: CertificateRequest): string {
  return commonName.replace("system:node:", "");
}
