// Senders that cannot carry a token prove themselves by a signature. Source: argo-workflows docs/webhooks.md.
import { Secrets } from "@capstan/api/generated/resources";
import type { Client } from "@capstan/core/client";
import { readYaml } from "../engine/index.ts";

/** Lists, by service account, the type of its sender and the secret that both know. */
const clientsSecret = "argo-workflows-webhook-clients";

type Headers = Record<string, string>;
type Check = (secret: string, headers: Headers, body: Uint8Array) => boolean | Promise<boolean>;

const checks: Record<string, Check> = {
  github: async (secret, headers, body) => {
    if (!headers["x-github-event"]) return false;
    const newer = headers["x-hub-signature-256"];
    if (newer) return signed(newer, "sha256", secret, body);
    return signed(headers["x-hub-signature"], "sha1", secret, body);
  },
  gitlab: (secret, headers) => Boolean(headers["x-gitlab-event"]) && same(headers["x-gitlab-token"] ?? "", secret),
  bitbucket: (secret, headers) => Boolean(headers["x-event-key"]) && same(headers["x-hook-uuid"] ?? "", secret),
  bitbucketserver: (secret, headers, body) =>
    headers["x-event-key"] ? signed(headers["x-hub-signature"], "sha256", secret, body) : false,
};

/**
 * The service account as which a sender acts; undefined when none of the namespace's clients has signed this.
 * @param client may read the namespace's secrets.
 * @throws Error naming what in the secret cannot be read.
 */
export async function accountOf(
  client: Client,
  namespace: string,
  headers: Headers,
  body: Uint8Array,
): Promise<string | undefined> {
  const secret = await client.find(Secrets, { namespace, name: clientsSecret });
  for (const [account, encoded] of Object.entries(secret?.data ?? {})) {
    const text = new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
    const known = readYaml(text, `Secret ${clientsSecret}, key ${account}`) as { type?: string; secret?: string };
    const check = checks[known?.type ?? ""];
    if (!check) throw new Error(`Secret ${clientsSecret}, key ${account}: type is none of ${Object.keys(checks)}`);
    if (known.secret && (await check(known.secret, headers, body))) return account;
  }
  return undefined;
}

async function signed(
  signature: string | undefined,
  hash: "sha256" | "sha1",
  secret: string,
  body: Uint8Array,
): Promise<boolean> {
  const given = signature?.startsWith(`${hash}=`) ? signature.slice(hash.length + 1) : undefined;
  if (!given) return false;
  const algorithm = { name: "HMAC", hash: hash === "sha256" ? "SHA-256" : "SHA-1" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, body as Uint8Array<ArrayBuffer>));
  const hex = [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return same(given.toLowerCase(), hex);
}

/** Takes as long wherever two texts differ. */
function same(a: string, b: string): boolean {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  let differs = left.length ^ right.length;
  for (let i = 0; i < right.length; i++) differs |= (left[i] ?? 0) ^ (right[i] as number);
  return differs === 0;
}
