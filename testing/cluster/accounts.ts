import { generateKeyPairSync } from "node:crypto";
import type { ExtensionFactory } from "@capstan/cluster/apiserver";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { createTokenSigner } from "@capstan/core/pki";

/** Service accounts' tokens and RBAC, for a TestCluster whose callers are not all administrators. */
export function accountExtensions(): ExtensionFactory[] {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return [createAuthentication({ signer: createTokenSigner(privateKey) }), createAuthorization()];
}
