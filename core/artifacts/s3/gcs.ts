// Google Cloud Storage, by its XML interface, which is S3's but for the signature. Sources: Google, "XML API overview";
// RFC 7523 and Google, "Using OAuth 2.0 for server to server applications", for the token of a service account.
import { createSign } from "node:crypto";
import type { GcsArtifact } from "@capstan/api/kinds/workflow";
import { createGuard, type Guard } from "../guard.ts";
import { readSecret, type StoreResources } from "../resources.ts";
import { type ArtifactStore, StoreError } from "../store.ts";
import { readJson, request } from "../web/index.ts";
import { openBucket } from "./bucket.ts";
import { createBucketStore } from "./bucket-store.ts";

const scope = "https://www.googleapis.com/auth/devstorage.read_write";
/** A token is renewed so long before it ends, milliseconds. */
const early = 60_000;

interface Token {
  value: string;
  until: number;
}
type GetToken = () => Promise<Token>;

/**
 * With a key file a service account's, else the account of the machine where that may be used, else nobody's. STORAGE_EMULATOR_HOST in the environment leads to
 * an emulator, which wants no token.
 * @throws StoreError naming the Secret that is missing, or what is wrong with the key file.
 */
export async function openGcs(
  gcs: GcsArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<ArtifactStore> {
  if (!gcs.bucket) throw new StoreError("gcs.bucket is required");
  const emulator = resources.env.STORAGE_EMULATOR_HOST;
  const text = await readSecret(resources, gcs.serviceAccountKeySecret, "gcs.serviceAccountKeySecret");
  const getToken = text
    ? serviceAccount(text, createGuard(resources), signal)
    : emulator
      ? undefined
      : resources.machineAccount
        ? machineAccount(resources.env.GCE_METADATA_HOST ?? "metadata.google.internal", signal)
        : undefined;
  const bucket = await openBucket({
    store: "gcs",
    endpoint: emulator
      ? /^https?:/.test(emulator)
        ? emulator
        : `http://${emulator}`
      : "https://storage.googleapis.com",
    bucket: gcs.bucket,
    guard: createGuard(resources),
    region: "auto",
    ...(getToken ? { signer: bearer(getToken) as never } : {}),
  });
  return createBucketStore(bucket, signal);
}

function bearer(getToken: GetToken) {
  let token: Promise<Token> | undefined;
  return {
    async sign<T extends { headers: Record<string, string> }>(unsigned: T): Promise<T> {
      if (!token || (await token).until < Date.now() + early) {
        token = getToken();
        token.catch(() => {
          token = undefined;
        });
      }
      unsigned.headers.authorization = `Bearer ${(await token).value}`;
      return unsigned;
    },
  };
}

interface KeyFile {
  client_email?: string;
  private_key?: string;
  token_uri?: string;
}

function serviceAccount(text: string, guard: Guard | undefined, signal: AbortSignal): GetToken {
  let key: KeyFile;
  try {
    key = JSON.parse(text) as KeyFile;
  } catch {
    throw new StoreError("gcs.serviceAccountKeySecret: the value is no JSON key file of a service account");
  }
  const { client_email: iss, private_key: pem, token_uri: aud = "https://oauth2.googleapis.com/token" } = key;
  if (!iss || !pem)
    throw new StoreError("gcs.serviceAccountKeySecret: the key file has no client_email or no private_key");
  return async () => {
    const now = Math.floor(Date.now() / 1000);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iss, scope, aud, iat: now, exp: now + 3600 })}`;
    const assertion = `${claims}.${createSign("RSA-SHA256").update(claims).sign(pem, "base64url")}`;
    const body = new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion,
    }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return tokenOf(await readJson(await request(aud, { method: "POST", headers, body, signal, guard, store: "gcs" })));
  };
}

const machineAccount =
  (host: string, signal: AbortSignal): GetToken =>
  async () => {
    const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
    try {
      const answer = await request(url, { headers: { "metadata-flavor": "Google" }, signal, store: "gcs" });
      return tokenOf(await readJson(answer));
    } catch (error) {
      const why = (error as Error).message;
      throw new StoreError(`gcs.serviceAccountKeySecret names no key, and the machine has no account: ${why}`, {
        cause: error,
      });
    }
  };

function tokenOf(answer: unknown): Token {
  const { access_token: value, expires_in: seconds = 3600 } = answer as { access_token?: string; expires_in?: number };
  if (!value) throw new StoreError("gcs: the answer of the token server has no access_token");
  return { value, until: Date.now() + seconds * 1000 };
}
