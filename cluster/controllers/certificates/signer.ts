import type { CertificateRequest } from "@capstan/core/pki";
import { servingProblem, servingSigner } from "./serving.ts";

/** What a signer lets a certificate say. */
interface Profile {
  usages: readonly string[];
  /** The usage that a request must name. */
  required?: string;
  /** What is wrong with a request; undefined when nothing is. */
  problem(request: CertificateRequest): string | undefined;
}

const common = ["digital signature", "key encipherment"];

function nodeProblem({ commonName, organizations = [] }: CertificateRequest): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== "system:nodes")
    return 'the subject organization is not "system:nodes"';
  return commonName.startsWith("system:node:")
    ? undefined
    : 'the subject common name does not begin with "system:node:"';
}

function namesProblem({ hosts = [] }: CertificateRequest): string | undefined {
  if (hosts.length === 0) return "names or addresses are needed";
  const other = hosts.find((host) => host.includes("@") || host.includes("://"));
  return other === undefined ? undefined : `e-mail addresses and URIs are not allowed: ${other}`;
}

/** Source: the signers that Kubernetes documents as its own (certificates/v1 types, pkg/controller/certificates/signer). */
const profiles: Record<string, Profile> = {
  "kubernetes.io/kube-apiserver-client": {
    usages: [...common, "client auth"],
    required: "client auth",
    problem: ({ organizations = [] }) =>
      organizations.includes("system:masters")
        ? "a certificate for the group system:masters is not given away"
        : undefined,
  },
  "kubernetes.io/kube-apiserver-client-kubelet": {
    usages: [...common, "client auth"],
    required: "client auth",
    problem: (request) =>
      nodeProblem(request) ?? (request.hosts?.length ? "names and addresses are not allowed" : undefined),
  },
  "kubernetes.io/kubelet-serving": {
    usages: [...common, "server auth"],
    required: "server auth",
    problem: (request) => nodeProblem(request) ?? namesProblem(request),
  },
  // Whatever the approver let through: clients trust it as they like.
  "kubernetes.io/legacy-unknown": {
    usages: [...common, "client auth", "server auth"],
    problem: ({ organizations = [] }) =>
      organizations.includes("system:masters")
        ? "a certificate for the group system:masters is not given away"
        : undefined,
  },
  [servingSigner]: { usages: [...common, "server auth"], required: "server auth", problem: servingProblem },
};

export const isOwnSigner = (name: string): boolean => Object.hasOwn(profiles, name);

// Seconds. Source: the API's least, and kube-controller-manager's --cluster-signing-duration.
const shortest = 600;
const usual = 365 * 86_400;

export interface Asked {
  signerName: string;
  usages?: string[];
  expirationSeconds?: number;
}

/** What is signed for a request that was approved, or why it is not. */
export function certificateFor(
  request: CertificateRequest,
  { signerName, usages = [], expirationSeconds }: Asked,
): CertificateRequest | { refused: string } {
  const profile = profiles[signerName];
  if (!profile) return { refused: `signer ${signerName} is not known` };
  const foreign = usages.find((usage) => !profile.usages.includes(usage));
  if (foreign) return { refused: `usage ${JSON.stringify(foreign)} is not one of this signer` };
  const { required } = profile;
  if (required && !usages.includes(required)) return { refused: `usage ${JSON.stringify(required)} is missing` };
  if (request.commonName === "") return { refused: "the subject has no common name" };
  const problem = profile.problem(request);
  if (problem) return { refused: problem };
  const seconds = Math.max(shortest, Math.min(expirationSeconds ?? usual, usual));
  const serves = usages.includes("server auth");
  return {
    ...request,
    hosts: serves ? request.hosts : [],
    usages: [
      ...(serves ? (["server"] as const) : []),
      ...(usages.includes("client auth") ? (["client"] as const) : []),
    ],
    days: seconds / 86_400,
  };
}
