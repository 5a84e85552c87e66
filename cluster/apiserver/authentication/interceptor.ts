import { StatusError } from "@capstan/api/meta";
import type { HttpRequest, Interceptor, Principal } from "@capstan/base/http";
import { anonymous, unauthenticated, withAuthenticated } from "./groups.ts";
import type { Accepted } from "./service-account-token.ts";

export interface AuthenticatorOptions {
  /** Who a bearer token speaks for. */
  check(token: string): Accepted | { refused: string };
  /** Audiences that this server answers to: a token must be for one of them. */
  audiences: readonly string[];
}

/** Sets `principal`, or refuses with Unauthorized. Who shows no credentials is anonymous. A request that already has one comes from this process. */
export function createAuthenticator(options: AuthenticatorOptions): Interceptor {
  return (next) => async (request) => {
    if (request.principal) return next(request);
    const principal = identify(request, options);
    if (!principal) throw new StatusError("Unauthorized", "Unauthorized");
    // Credentials end here: nothing behind this point can log or forward them.
    const { authorization: _, ...headers } = request.headers;
    return next({ ...request, headers, principal });
  };
}

function identify(request: HttpRequest, options: AuthenticatorOptions): Principal | undefined {
  const certificate = request.peer?.certificate;
  if (certificate) {
    return { name: certificate.commonName, groups: withAuthenticated(certificate.organizations) };
  }
  const token = bearerOf(request);
  if (token !== undefined) {
    const result = options.check(token);
    if ("refused" in result) return undefined;
    return result.audiences.some((name) => options.audiences.includes(name)) ? result.principal : undefined;
  }
  if (request.peer?.refusedCertificate) return undefined;
  // Credentials of other kinds are none. What anybody may do is for authorization to say.
  return { name: anonymous, groups: [unauthenticated] };
}

function bearerOf({ headers }: HttpRequest): string | undefined {
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}
