// Who calls: client certificates, tokens of service accounts and of nodes that join, and the endpoints that mint and review tokens.
import type { TokenSigner } from "@capstan/core/pki";
import type { ExtensionFactory } from "../request.ts";
import { checkBootstrapToken, isBootstrapToken } from "./bootstrap-token.ts";
import { createAuthenticator } from "./interceptor.ts";
import { createReviewEndpoints } from "./review.ts";
import { createServiceAccountTokens } from "./service-account-token.ts";
import { createTokenRequestEndpoint } from "./token-request.ts";
import { createTokenSecrets } from "./token-secret.ts";

export { anonymous, authenticated, masters, serviceAccountName, serviceAccounts, unauthenticated } from "./groups.ts";
export { createIssuerDiscovery, type IssuerOptions } from "./issuer.ts";
export { userInfoOf } from "./review.ts";

/** `iss` of the tokens of service accounts: the API service's URL inside the cluster. */
export const defaultIssuer = "https://kubernetes.default.svc.cluster.local";

export interface AuthenticationOptions {
  signer: TokenSigner;
  /** `iss` of the tokens; default defaultIssuer. */
  issuer?: string;
  /** Whom tokens that call this server must be for; default the issuer. */
  audiences?: string[];
  /** Milliseconds since the epoch; default Date.now. */
  clock?: () => number;
}

/** First among the server's extensions: its interceptor names the caller for all that follow. */
export function createAuthentication(options: AuthenticationOptions): ExtensionFactory {
  const { signer, issuer = defaultIssuer, clock = Date.now } = options;
  const audiences = options.audiences ?? [issuer];
  return (view) => {
    const tokens = createServiceAccountTokens({ signer, issuer, view, clock });
    const check = (token: string) =>
      isBootstrapToken(token) ? checkBootstrapToken(view, token, audiences, clock()) : tokens.check(token);
    const authenticator = { check, audiences };
    return {
      interceptors: [createAuthenticator(authenticator)],
      admission: [createTokenSecrets(view, tokens, audiences)],
      endpoints: [createTokenRequestEndpoint({ view, tokens, audiences }), ...createReviewEndpoints(authenticator)],
    };
  };
}
