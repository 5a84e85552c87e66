// The server that a registry sends its callers to for tokens.
import { sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type KeyPair, openAuthority } from "@capstan/core/pki";
import { basic, type TokenAuth } from "./registry.ts";

const service = "test-registry";
const issuer = "test";

/** Gives tokens to the one account, for whatever it asks. */
export class TokenServer implements AsyncDisposable {
  readonly auth: TokenAuth;
  /** In the order in which they came. */
  readonly asked: { url: URL; authorization?: string }[] = [];
  readonly #pair: KeyPair;
  readonly #server: Server;

  /** @param directory for the keys. */
  static async start(directory: string): Promise<TokenServer> {
    const authority = await openAuthority({ directory });
    const pair = await authority.issue({ commonName: "tokens", usages: ["client"] });
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TokenServer(server, pair, authority.cert);
  }

  private constructor(server: Server, pair: KeyPair, certificate: string) {
    const { port } = server.address() as AddressInfo;
    this.#pair = pair;
    this.#server = server;
    this.auth = { realm: `http://127.0.0.1:${port}/token`, service, issuer, certificate };
    server.on("request", (request, response) => {
      const url = new URL(request.url ?? "", this.auth.realm);
      const { authorization } = request.headers;
      this.asked.push({ url, authorization });
      if (authorization !== basic) response.writeHead(401).end("{}");
      else response.end(JSON.stringify({ token: this.give(url.searchParams.get("scope") ?? "") }));
    });
  }

  /** @param scope such as `repository:team/app:pull,push`. */
  give(scope: string): string {
    const [type, name, actions = ""] = scope.split(":");
    const now = Math.floor(Date.now() / 1000);
    const access = [{ type, name, actions: actions.split(",") }];
    const times = { exp: now + 60, nbf: now - 60, iat: now };
    const claims = { iss: issuer, sub: "", aud: service, jti: "1", ...times, access };
    const certificate = this.#pair.cert.replace(/-----[^-]+-----|\s/g, "");
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const input = `${part({ typ: "JWT", alg: "ES256", x5c: [certificate] })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(input), { key: this.#pair.key, dsaEncoding: "ieee-p1363" });
    return `${input}.${signature.toString("base64url")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
