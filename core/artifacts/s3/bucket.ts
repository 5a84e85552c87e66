// A bucket that speaks S3: its client, and how its errors become the seam's.
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import type { Guard } from "../guard.ts";
import { isPassing, isPassingStatus } from "../retry.ts";
import { StoreError } from "../store.ts";

export interface BucketOptions {
  /** The word that manifests use for the store. */
  store: "s3" | "gcs" | "oss";
  /** With scheme. */
  endpoint: string;
  bucket: string;
  region: string;
  /** Absent: requests are not signed. */
  credentials?: S3ClientConfig["credentials"];
  /** In the place of S3's signature. */
  signer?: S3ClientConfig["signer"];
  /** Hosts that are not to be asked. */
  guard?: Guard | undefined;
  /** PEM certificates that the server's is checked against. */
  ca?: string;
  /** Sent with what is written, and with what is read of it. */
  writing?: Record<string, unknown>;
  reading?: Record<string, unknown>;
  /** Made before the first object is written, where there is none. */
  create?: { objectLocking?: boolean; encryption?: Record<string, unknown> };
}

/** Requests of the client itself, before the store as a whole is asked again. */
const requestTries = 3;
const connectTimeout = 20_000;
/** Silence after which a request counts as lost, milliseconds. */
const silenceTimeout = 120_000;

export interface Bucket extends BucketOptions {
  client: S3Client;
}

export async function openBucket(options: BucketOptions): Promise<Bucket> {
  const { S3Client } = await import("@aws-sdk/client-s3");
  const { endpoint, region, credentials, signer, ca, guard } = options;
  guard?.check(new URL(endpoint).hostname);
  const agent = { keepAlive: true, ...(guard ? { lookup: guard.lookup } : {}) };
  const unsigned = credentials || signer ? undefined : { sign: async <T>(request: T) => request };
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: !namesBuckets(endpoint),
    followRegionRedirects: true,
    credentials: credentials ?? { accessKeyId: "none", secretAccessKey: "none" },
    ...(signer || unsigned ? { signer: (signer ?? unsigned) as NonNullable<S3ClientConfig["signer"]> } : {}),
    maxAttempts: requestTries,
    // Not every store knows the newer checksums.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: connectTimeout,
      requestTimeout: silenceTimeout,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ...(ca ? { ca } : {}) }),
    },
    logger: {},
  } as S3ClientConfig);
  return { ...options, client };
}

/** Stores whose buckets have host names of their own; any other has them as the first part of the path. */
function namesBuckets(endpoint: string): boolean {
  return /(^|\.)(amazonaws\.com(\.cn)?|aliyuncs\.com)$/.test(new URL(endpoint).hostname);
}

interface Fault extends Error {
  $metadata?: { httpStatusCode?: number };
  $retryable?: unknown;
  Code?: string;
}

export const isAbsent = (error: unknown): boolean =>
  ["NoSuchKey", "NotFound"].includes((error as Error)?.name) && error instanceof Error;

/** The store's own words, after which object of which bucket. */
export function explain({ store, endpoint, bucket }: BucketOptions, key: string, error: unknown): Error {
  if (error instanceof StoreError || !(error instanceof Error)) return error as Error;
  const { name, message, $metadata, $retryable, code } = error as Fault & NodeJS.ErrnoException;
  if (name === "AbortError") return error;
  const status = $metadata?.httpStatusCode;
  // An answer to HEAD has no words.
  const words = /^(Unknown|UnknownError)$/.test(message) || message === "" ? `status ${status}` : message;
  const passing =
    (status !== undefined && isPassingStatus(status)) ||
    $retryable !== undefined ||
    name === "TimeoutError" ||
    /^(SlowDown|RequestTimeout|RequestTimeTooSkewed|InternalError|ServiceUnavailable)$/.test(name) ||
    isPassing(error);
  const title = [name, code].find((word) => word && word !== "Error" && !words.includes(word));
  return new StoreError(`${store} ${endpoint}, ${bucket}/${key}: ${title ? `${title}: ` : ""}${words}`, {
    passing,
    missing: isAbsent(error),
    cause: error,
  });
}
