// S3 itself and all that speak as it does. Fields: argo-workflows docs/configure-artifact-repository.md.
import type { S3Artifact, S3Encryption } from "@capstan/api/kinds/workflow";
import { createGuard } from "../guard.ts";
import { readSecret, type StoreResources } from "../resources.ts";
import { type ArtifactStore, StoreError } from "../store.ts";
import { type BucketOptions, openBucket } from "./bucket.ts";
import { createBucketStore } from "./bucket-store.ts";
import { ambientCredentials, type Credentials, roleCredentials } from "./credentials.ts";

const defaultRegion = "us-east-1";

/** @throws StoreError naming a field, or a Secret and its key, that is missing. */
export async function openS3(s3: S3Artifact, resources: StoreResources, signal: AbortSignal): Promise<ArtifactStore> {
  if (!s3.bucket) throw new StoreError("s3.bucket is required");
  const region = s3.region || resources.env.AWS_REGION || defaultRegion;
  const credentials = await credentialsOf(s3, resources, region);
  const ca = await readSecret(resources, s3.caSecret, "s3.caSecret");
  const { writing, reading, bucketRule } = await encryptionOf(s3.encryptionOptions, resources);
  const create = s3.createBucketIfNotPresent;
  const bucket = await openBucket({
    store: "s3",
    endpoint: addressOf(s3.endpoint, s3.insecure, region),
    bucket: s3.bucket,
    guard: createGuard(resources),
    region,
    ...(credentials ? { credentials } : {}),
    ...(ca ? { ca } : {}),
    ...(create ? { create: { ...create, ...(bucketRule ? { encryption: bucketRule } : {}) } } : {}),
    writing,
    reading,
  });
  return createBucketStore(bucket, signal);
}

export function addressOf(endpoint: string | undefined, insecure: boolean | undefined, region: string): string {
  if (!endpoint || endpoint === "s3.amazonaws.com") return `https://s3.${region}.amazonaws.com`;
  if (/^https?:\/\//.test(endpoint)) return endpoint;
  const address = `${insecure ? "http" : "https"}://${endpoint}`;
  if (!URL.canParse(address)) throw new StoreError(`s3.endpoint ${JSON.stringify(endpoint)} is no host and port`);
  return address;
}

async function credentialsOf(s3: S3Artifact, resources: StoreResources, region: string) {
  const accessKeyId = await readSecret(resources, s3.accessKeySecret, "s3.accessKeySecret");
  const secretAccessKey = await readSecret(resources, s3.secretKeySecret, "s3.secretKeySecret");
  const sessionToken = await readSecret(resources, s3.sessionTokenSecret, "s3.sessionTokenSecret");
  let own: Credentials | undefined;
  if (accessKeyId && secretAccessKey) own = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  else if (s3.useSDKCreds || s3.roleARN) own = await ambientCredentials(resources, region);
  return s3.roleARN ? roleCredentials(s3.roleARN, own, region) : own;
}

type Sent = Pick<BucketOptions, "writing" | "reading"> & { bucketRule?: Record<string, unknown> };

async function encryptionOf(options: S3Encryption | undefined, resources: StoreResources): Promise<Sent> {
  if (!options?.enableEncryption) return {};
  const { kmsKeyId, kmsEncryptionContext, serverSideCustomerKeySecret } = options;
  const path = "s3.encryptionOptions.serverSideCustomerKeySecret";
  const key = await readSecret(resources, serverSideCustomerKeySecret, path);
  if (key !== undefined) {
    if (Buffer.byteLength(key) !== 32)
      throw new StoreError(`${path}: the key has ${Buffer.byteLength(key)} bytes, not 32`);
    const customer = { SSECustomerAlgorithm: "AES256", SSECustomerKey: key };
    return { writing: customer, reading: customer };
  }
  if (!kmsKeyId) return { writing: { ServerSideEncryption: "AES256" }, bucketRule: { SSEAlgorithm: "AES256" } };
  const context = kmsEncryptionContext
    ? { SSEKMSEncryptionContext: Buffer.from(kmsEncryptionContext).toString("base64") }
    : {};
  return {
    writing: { ServerSideEncryption: "aws:kms", SSEKMSKeyId: kmsKeyId, ...context },
    bucketRule: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: kmsKeyId },
  };
}
