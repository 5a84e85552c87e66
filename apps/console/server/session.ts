// Sessions: sealed into the cookie itself, so that they outlive a restart and the server keeps no table of them.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { HttpRequest, Principal } from "@capstan/base/http";

/** Who a browser speaks for. With a `token` the API authenticates it on every request; without, `principal` was proved by a one-time login. */
export interface Session {
  id: string;
  /**
   * What the app sends beside the cookie. Browsers give a host's cookies to every port of it: another program that the
   * user opens on this machine gets the cookie, but not what the app keeps in its own origin's storage.
   */
  key: string;
  principal: Principal;
  token?: string;
  /** Milliseconds since the epoch. */
  expires: number;
}

/** Longest bearer token that fits in a cookie: browsers keep at most 4096 bytes a cookie (RFC 6265, section 6.1). */
export const maxTokenBytes = 2600;

export interface Sessions {
  begin(about: Pick<Session, "principal" | "token">): { cookie: string; key: string };
  /** The Set-Cookie value that ends it; the cookie's copies are refused from now on too. */
  end(session: Session | undefined): string;
  /** Whose cookie it is: enough to be shown the app, which holds nothing of the user's. */
  of(request: Pick<HttpRequest, "headers">): Session | undefined;
  /** Whose request it is: the session of the cookie when `key` is its key. */
  proved(request: Pick<HttpRequest, "headers">, key: string | undefined): Session | undefined;
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
  const sealing = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), "capstan console session", 32));
  // Of this instance: others on the same machine share the host, and so the browser's cookies.
  const cookieName = `capstan_${Buffer.from(hkdfSync("sha256", secret, new Uint8Array(), "cookie name", 6)).toString("hex")}`;
  const ended = new Map<string, number>();
  const cookie = (value: string, seconds: number) =>
    `${cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
  const random = (bytes: number) => randomBytes(bytes).toString("base64url");
  const sessions: Sessions = {
    begin(about) {
      const session: Session = { ...about, id: random(12), key: random(24), expires: now() + lifetime };
      return { cookie: cookie(seal(sealing, session), Math.floor(lifetime / 1000)), key: session.key };
    },
    end(session) {
      for (const [id, expires] of ended) if (expires < now()) ended.delete(id);
      if (session) ended.set(session.id, session.expires);
      return cookie("", 0);
    },
    of(request) {
      const sealed = cookieOf(request.headers.cookie, cookieName);
      const session = sealed ? open(sealing, sealed) : undefined;
      if (!session || session.expires <= now() || ended.has(session.id)) return undefined;
      return session;
    },
    proved(request, key) {
      const session = sessions.of(request);
      return session && key !== undefined && same(session.key, key) ? session : undefined;
    },
  };
  return sessions;
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
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
