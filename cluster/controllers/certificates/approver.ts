import { isIP } from "node:net";
import type { SubjectAccessReview } from "@capstan/api/generated/authorization-v1";
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { Node } from "@capstan/api/generated/core-v1";
import { CertificateSigningRequests, Nodes, Services } from "@capstan/api/generated/resources";
import { SubjectAccessReviews } from "@capstan/api/kinds/reviews";
import { isReason } from "@capstan/api/meta";
import type { Authority, CertificateRequest } from "@capstan/core/pki";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { has, isDecided, readCsr } from "./request.ts";
import { serviceNamespace, servingSigner } from "./serving.ts";
import { certificateFor } from "./signer.ts";

export interface CertificateApproverOptions extends ControllerContext {
  authority: Pick<Authority, "read">;
}

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
  informers.informer(Services);
  return createController({
    name: "csr-approving",
    // One after the other: of two requests with one token, the second must see the first.
    workers: 1,
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
      const used = needs && (await usedBy(workshop, request));
      if (used) {
        const words = `the token has let a node in already, with the request ${used}: each token of a Domain is for one`;
        return decide(workshop, request, "Denied", "AutoDenied", words);
      }
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

/** Group of tokens that let a single node in. */
const single = /^system:bootstrappers:domain:/;

/** The request that was approved for the token of this one; undefined for tokens that let several nodes in. */
async function usedBy(
  { client }: Workshop,
  { metadata, spec }: CertificateSigningRequest,
): Promise<string | undefined> {
  const { username, groups = [] } = spec;
  if (!username?.startsWith("system:bootstrap:") || !groups.some((group) => single.test(group))) return undefined;
  // The server's own list: what was approved a moment ago is in it.
  const { items } = await client.list(CertificateSigningRequests);
  const others = items.filter((other) => other.metadata.name !== metadata.name && other.spec.username === username);
  return others.find((other) => has(other, "Approved") && !has(other, "Failed"))?.metadata.name;
}

/**
 * A name or address that is not the node's own. A node writes its addresses itself, so that only those count that are
 * addresses, and no Service's or other node's: it could else be the API server to whoever trusts the cluster.
 */
function beyondNode({ informers }: Workshop, asked: CertificateRequest): string | undefined {
  const name = nodeNameOf(asked);
  const nodes = informers.informer(Nodes);
  const addressesOf = (node: Node | undefined) => (node?.status?.addresses ?? []).map(({ address }) => address);
  const told = new Set(addressesOf(nodes.get({ name })));
  const others = new Set(nodes.list().flatMap((node) => (node.metadata.name === name ? [] : addressesOf(node))));
  for (const { spec } of informers.informer(Services).list()) {
    for (const address of spec?.clusterIPs ?? [spec?.clusterIP ?? ""]) others.add(address);
  }
  const own = (host: string) =>
    ["localhost", "127.0.0.1", name].includes(host) || (isIP(host) !== 0 && told.has(host) && !others.has(host));
  const foreign = (asked.hosts ?? []).find((host) => !own(host));
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
