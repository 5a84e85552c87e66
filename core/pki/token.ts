import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { join } from "node:path";
import { readIfPresent, writeSecret } from "./files.ts";

/** The claims of a JSON Web Token; times in seconds since the epoch. Source: RFC 7519. */
export interface Claims {
  iss: string;
  sub: string;
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  [claim: string]: unknown;
}

/** Signs and checks the tokens of ServiceAccounts, with ES256. */
export interface TokenSigner {
  sign(claims: Claims): string;
  /** The claims of a token of this signer, whose time is not checked yet; undefined for anything else. */
  verify(token: string): Claims | undefined;
  /** Public keys, for others to check tokens with. Source: RFC 7517. */
  jwks(): { keys: Record<string, unknown>[] };
}

// A token is a few hundred bytes; what is longer is no token.
const longestToken = 16_384;

/** Loads the signing key in a directory (`sa.key`), or creates it. */
export async function openTokenSigner(directory: string): Promise<TokenSigner> {
  const path = join(directory, "sa.key");
  let pem = await readIfPresent(path);
  if (pem === undefined) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await writeSecret(path, pem);
  }
  return createTokenSigner(createPrivateKey(pem));
}

export function createTokenSigner(key: KeyObject): TokenSigner {
  const publicKey = createPublicKey(key);
  const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
  const jwk = { crv, kty, x, y };
  // Source of the key id: RFC 7638, the hash of the key's required members in order.
  const kid = createHash("sha256").update(JSON.stringify(jwk)).digest("base64url");
  const header = encode({ alg: "ES256", kid });
  return {
    sign: (claims) => {
      const text = `${header}.${encode(claims)}`;
      const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
      return `${text}.${signature.toString("base64url")}`;
    },
    verify: (token) => {
      if (token.length > longestToken) return undefined;
      const parts = token.split(".");
      const [head = "", body = "", signature = ""] = parts;
      if (parts.length !== 3 || head !== header) return undefined;
      const signed = Buffer.from(`${head}.${body}`);
      const options = { key: publicKey, dsaEncoding: "ieee-p1363" as const };
      if (!verify("sha256", signed, options, Buffer.from(signature, "base64url"))) return undefined;
      return JSON.parse(Buffer.from(body, "base64url").toString());
    },
    jwks: () => ({ keys: [{ use: "sig", alg: "ES256", kid, ...jwk }] }),
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
