import { createHash, randomUUID } from "node:crypto";
import { Nodes, Pods, Secrets, ServiceAccounts } from "@capstan/api/generated/resources";
import type { KubeObject, Resource } from "@capstan/api/meta";
import type { Principal } from "@capstan/base/http";
import type { Claims, TokenSigner } from "@capstan/core/pki";
import type { View } from "../request.ts";
import { serviceAccountName, serviceAccounts, withAuthenticated } from "./groups.ts";

/** The object whose end also ends a token. */
export interface Binding {
  kind: "Pod" | "Secret" | "Node";
  name: string;
  uid: string;
  /** The node of a bound pod, as extra information. */
  node?: { name: string; uid?: string };
}

export interface Mint {
  namespace: string;
  name: string;
  uid: string;
  audiences: string[];
  /** Seconds. */
  lifetime: number;
  binding?: Binding;
}

export interface Accepted {
  principal: Principal;
  audiences: string[];
}

export interface ServiceAccountTokens {
  /** @returns the token, and its end in milliseconds since the epoch. */
  mint(request: Mint): { token: string; expires: number };
  /** Who a token speaks for, or why it is not accepted. */
  check(token: string): Accepted | { refused: string };
}

export interface ServiceAccountTokensOptions {
  signer: TokenSigner;
  issuer: string;
  view: View;
  /** Milliseconds since the epoch. */
  clock: () => number;
}

/** The private claim of bound tokens. Source: kubernetes/pkg/serviceaccount/claims.go. */
interface PrivateClaims {
  namespace?: string;
  serviceaccount?: { name: string; uid: string };
  pod?: { name: string; uid: string };
  secret?: { name: string; uid: string };
  node?: { name: string; uid: string };
}

// Objects being deleted keep their tokens this long, so that a pod can finish. Source: serviceaccount/claims.go.
const deletionLeeway = 60_000;
// Verifying a signature takes 0.1 ms; the same few tokens come with every request.
const rememberedTokens = 4096;

export function createServiceAccountTokens(options: ServiceAccountTokensOptions): ServiceAccountTokens {
  const { signer, issuer, view, clock } = options;
  const verified = new Map<string, Claims>();
  const verify = (token: string): Claims | undefined => {
    const id = createHash("sha256").update(token).digest("base64");
    const known = verified.get(id);
    if (known) return known;
    const claims = signer.verify(token);
    if (!claims) return undefined;
    const [oldest] = verified.keys();
    if (verified.size >= rememberedTokens && oldest !== undefined) verified.delete(oldest);
    verified.set(id, claims);
    return claims;
  };
  return {
    mint: (request) => {
      const now = Math.floor(clock() / 1000);
      const claims = claimsOf(request, issuer, now);
      return { token: signer.sign(claims), expires: claims.exp * 1000 };
    },
    check: (token) => {
      const claims = verify(token);
      if (!claims) return { refused: "the token's signature is not this cluster's" };
      const now = clock() / 1000;
      if (claims.iss !== issuer) return { refused: `the token's issuer is not ${issuer}` };
      if (now >= claims.exp) return { refused: "the token has expired" };
      // A second of tolerance: times in tokens are whole seconds.
      if (now + 1 < claims.nbf) return { refused: "the token is not valid yet" };
      return accept(claims, view, clock());
    },
  };
}

function claimsOf({ namespace, name, uid, audiences, lifetime, binding }: Mint, issuer: string, now: number): Claims {
  const own: PrivateClaims = { namespace, serviceaccount: { name, uid } };
  if (binding) {
    const { kind, node } = binding;
    const bound = { name: binding.name, uid: binding.uid };
    if (kind === "Pod") own.pod = bound;
    else if (kind === "Secret") own.secret = bound;
    else own.node = bound;
    if (node?.uid) own.node = { name: node.name, uid: node.uid };
  }
  return {
    aud: audiences,
    exp: now + lifetime,
    iat: now,
    iss: issuer,
    jti: randomUUID(),
    "kubernetes.io": own,
    nbf: now,
    sub: serviceAccountName(namespace, name),
  };
}

function accept(claims: Claims, view: View, now: number): Accepted | { refused: string } {
  const { namespace = "", serviceaccount, pod, secret, node } = (claims["kubernetes.io"] ?? {}) as PrivateClaims;
  if (!serviceaccount || claims.sub !== serviceAccountName(namespace, serviceaccount.name)) {
    return { refused: "the token names no service account" };
  }
  const alive = (resource: Resource, ref: { name: string; uid: string }, within?: string) => {
    const object = view.get<KubeObject>(
      resource,
      within === undefined ? { name: ref.name } : { namespace: within, name: ref.name },
    );
    const deleted = object?.metadata.deletionTimestamp;
    return object?.metadata.uid === ref.uid && (!deleted || now < Date.parse(deleted) + deletionLeeway);
  };
  if (!alive(ServiceAccounts, serviceaccount, namespace)) return { refused: "the token's service account is gone" };
  if (pod && !alive(Pods, pod, namespace)) return { refused: "the token's pod is gone" };
  if (secret && !alive(Secrets, secret, namespace)) return { refused: "the token's secret is gone" };
  if (node && !pod && !alive(Nodes, node)) return { refused: "the token's node is gone" };
  const extra: Record<string, string[]> = {};
  if (typeof claims.jti === "string") extra["authentication.kubernetes.io/credential-id"] = [`JTI=${claims.jti}`];
  for (const [kind, ref] of [["pod", pod] as const, ["node", node] as const]) {
    if (!ref) continue;
    extra[`authentication.kubernetes.io/${kind}-name`] = [ref.name];
    extra[`authentication.kubernetes.io/${kind}-uid`] = [ref.uid];
  }
  const groups = withAuthenticated([serviceAccounts, `${serviceAccounts}:${namespace}`]);
  const principal = { name: claims.sub, uid: serviceaccount.uid, groups, extra };
  return { principal, audiences: claims.aud };
}
