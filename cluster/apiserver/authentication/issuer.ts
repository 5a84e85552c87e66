import type { Interceptor } from "@capstan/base/http";
import type { TokenSigner } from "@capstan/core/pki";
import type { ExtensionFactory } from "../request.ts";

export interface IssuerOptions {
  signer: TokenSigner;
  issuer: string;
}

const jwksPath = "/openid/v1/jwks";

/**
 * Tells others how to check this cluster's tokens. Source: OpenID Connect Discovery 1.0, and apiserver's
 * /.well-known/openid-configuration. After authorization among the server's extensions.
 */
export function createIssuerDiscovery({ signer, issuer }: IssuerOptions): ExtensionFactory {
  const documents: Record<string, { type: string; content: object }> = {
    "/.well-known/openid-configuration": {
      type: "application/json",
      content: {
        issuer,
        jwks_uri: issuer + jwksPath,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
      },
    },
    [jwksPath]: { type: "application/jwk-set+json", content: signer.jwks() },
  };
  const interceptor: Interceptor = (next) => async (request) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const document = request.method === "GET" && Object.hasOwn(documents, path) ? documents[path] : undefined;
    if (!document) return next(request);
    const headers = { "content-type": document.type, "cache-control": "public, max-age=3600" };
    return { status: 200, headers, body: JSON.stringify(document.content) };
  };
  return () => ({ interceptors: [interceptor] });
}
