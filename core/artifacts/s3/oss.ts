// Alibaba's object store, by its S3 interface. Source: Alibaba Cloud, "Use Amazon S3 SDKs to access OSS".
import type { OssArtifact } from "@capstan/api/kinds/workflow";
import { createGuard } from "../guard.ts";
import { readSecret, type StoreResources } from "../resources.ts";
import { type ArtifactStore, StoreError } from "../store.ts";
import { openBucket } from "./bucket.ts";
import { createBucketStore } from "./bucket-store.ts";
import { ambientCredentials } from "./credentials.ts";
import { addressOf } from "./s3.ts";

/** @throws StoreError naming a field, or a Secret and its key, that is missing. */
export async function openOss(
  oss: OssArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<ArtifactStore> {
  if (!oss.bucket) throw new StoreError("oss.bucket is required");
  if (!oss.endpoint) throw new StoreError("oss.endpoint is required");
  const endpoint = addressOf(oss.endpoint, false, "");
  const region = regionOf(endpoint);
  const accessKeyId = await readSecret(resources, oss.accessKeySecret, "oss.accessKeySecret");
  const secretAccessKey = await readSecret(resources, oss.secretKeySecret, "oss.secretKeySecret");
  const token = oss.securityToken ? { sessionToken: oss.securityToken } : {};
  const own = accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey, ...token } : undefined;
  const credentials = own ?? (oss.useSDKCreds ? await ambientCredentials(resources, region) : undefined);
  const bucket = await openBucket({
    store: "oss",
    endpoint,
    bucket: oss.bucket,
    guard: createGuard(resources),
    region,
    ...(credentials ? { credentials } : {}),
    ...(oss.createBucketIfNotPresent ? { create: {} } : {}),
  });
  return createBucketStore(bucket, signal);
}

/** `oss-cn-hangzhou-internal.aliyuncs.com` is in cn-hangzhou. */
function regionOf(endpoint: string): string {
  const [first = ""] = new URL(endpoint).hostname.split(".");
  return /^oss-(.+?)(?:-internal)?$/.exec(first)?.[1] ?? "us-east-1";
}
