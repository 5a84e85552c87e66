// Sessions: sealed into the cookie itself, so that they outlive a restart and the server keeps no table of them.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { HttpRequest, Principal } from "@capstan/base/http";

/** Who a browser speaks for. With a `token` the API authenticates it on every request; without, `principal` was proved by a one-time login. */
export interface Session {
  id: string;
  principal: Principal;
  token?: string;
  /** Milliseconds since the epoch. */
  expires: number;
}

/** Longest bearer token that fits in a cookie: browsers keep at most 4096 bytes a cookie (RFC 6265, section 6.1). */
export const maxTokenBytes = 2600;
const cookieName = "capstan_session";

export interface Sessions {
  /** The Set-Cookie value that begins the session. */
  begin(session: Omit<Session, "id" | "expires">): string;
  /** The Set-Cookie value that ends it; the cookie's copies are refused from now on too. */
  end(session: Session | undefined): string;
  of(request: Pick<HttpRequest, "headers">): Session | undefined;
}

export interface SessionsOptions {
  /** At least 32 bytes, kept in the data directory. */
  secret: Uint8Array;
  /** Milliseconds a session lasts. */
  lifetime: number;
  now?: () => number;
}

/** @throws RangeError when the secret is too short. */
export function createSessions({ secret, lifetime, now = Date.now }: SessionsOptions): Sessions {
  if (secret.byteLength < 32) throw new RangeError("the console's secret has fewer than 32 bytes");
  const key = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), "capstan console session", 32));
  const ended = new Map<string, number>();
  const cookie = (value: string, seconds: number) =>
    `${cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
  return {
    begin(about) {
      const session: Session = { ...about, id: randomBytes(12).toString("base64url"), expires: now() + lifetime };
      return cookie(seal(key, session), Math.floor(lifetime / 1000));
    },
    end(session) {
      for (const [id, expires] of ended) if (expires < now()) ended.delete(id);
      if (session) ended.set(session.id, session.expires);
      return cookie("", 0);
    },
    of(request) {
      const sealed = cookieOf(request.headers.cookie, cookieName);
      const session = sealed ? open(key, sealed) : undefined;
      if (!session || session.expires <= now() || ended.has(session.id)) return undefined;
      return session;
    },
  };
}

/** AES-256-GCM: nonce, tag, ciphertext. Source: NIST SP 800-38D. */
function seal(key: Uint8Array, session: Session): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const body = Buffer.concat([cipher.update(JSON.stringify(session), "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url");
}

/** Undefined for whatever this server did not seal. */
function open(key: Uint8Array, sealed: string): Session | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < 29) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    return JSON.parse(text) as Session;
  } catch {
    // A forged or foreign cookie: the same as none.
    return undefined;
  }
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
