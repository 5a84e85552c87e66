// The store of a bucket. Directories are keys that go on after a "/"; a key is readable only when all its parts are there.
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { PutObjectCommandInput } from "@aws-sdk/client-s3";
import { inParallel } from "../parallel.ts";
import { type ArtifactStore, type Source, StoreError } from "../store.ts";
import { filesOf, placeBelow } from "../tree.ts";
import { type Bucket, explain, isAbsent } from "./bucket.ts";

/** Bytes of one part of an upload, S3's least; more where 10,000 of them, its most, would not do. Parts lie in memory. */
const partSize = 5 * 2 ** 20;
const mostParts = 10_000;
const partsAtOnce = 3;

export function createBucketStore(bucket: Bucket, signal: AbortSignal): ArtifactStore {
  const { client, bucket: Bucket, reading } = bucket;
  const sdk = import("@aws-sdk/client-s3");
  const told = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw explain(bucket, key, error);
    }
  };
  const abort = { abortSignal: signal };
  const download = async (key: string): Promise<Readable> => {
    const { GetObjectCommand } = await sdk;
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key, ...reading }), abort);
    return Body as Readable;
  };
  const store: ArtifactStore = {
    stat: (key) =>
      told(key, async () => {
        const { HeadObjectCommand, ListObjectsV2Command } = await sdk;
        try {
          const found = await client.send(new HeadObjectCommand({ Bucket, Key: key, ...reading }), abort);
          return { kind: "file", ...(found.ContentLength === undefined ? {} : { size: found.ContentLength }) };
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
        const below = new ListObjectsV2Command({ Bucket, Prefix: directoryKey(key), MaxKeys: 1 });
        const { KeyCount, Contents } = await client.send(below, abort);
        return (KeyCount ?? Contents?.length) ? { kind: "directory" } : undefined;
      }),
    list: (key) => listKeys(bucket, key, signal),
    async *stream(key) {
      yield* await told(key, () => download(key));
    },
    async load(key, host) {
      try {
        if (key !== "" && !key.endsWith("/")) {
          await told(key, async () =>
            pipeline(await download(key), createWriteStream(host, { flags: "wx" }), { signal }),
          );
          return true;
        }
      } catch (error) {
        if (!(error instanceof StoreError && error.missing)) throw error;
      }
      return loadTree(store, key, host);
    },
    save: async (key, source) => {
      if (bucket.create) await told(key, () => createBucket(bucket));
      if (!("host" in source)) return told(key, () => upload(bucket, key, source, signal));
      await inParallel(filesOf(source.host), async ({ host, name, size }) => {
        const at = name === "" ? key : directoryKey(key) + name;
        await told(at, () => upload(bucket, at, { bytes: () => createReadStream(host), atMost: size }, signal));
      });
    },
    async delete(key) {
      const { DeleteObjectCommand } = await sdk;
      const remove = (Key: string) =>
        told(Key, async () => void (await client.send(new DeleteObjectCommand({ Bucket, Key }), abort)));
      if (!key.endsWith("/")) await remove(key);
      await inParallel(listKeys(bucket, directoryKey(key), signal, true), remove);
    },
    async link(key, seconds) {
      const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
        sdk,
        import("@aws-sdk/s3-request-presigner"),
      ]);
      const command = new GetObjectCommand({ Bucket, Key: key, ...reading });
      return told(key, () => getSignedUrl(client as never, command as never, { expiresIn: seconds }));
    },
    close: () => client.destroy(),
  };
  return store;
}

const directoryKey = (key: string) => (key === "" || key.endsWith("/") ? key : `${key}/`);

/** Keys at and below one. Those that only say that there is a directory are left out, unless they are wanted. */
async function* listKeys(bucket: Bucket, key: string, signal: AbortSignal, all = false): AsyncGenerator<string> {
  const { ListObjectsV2Command } = await import("@aws-sdk/client-s3");
  for (let token: string | undefined, first = true; first || token; first = false) {
    const command = new ListObjectsV2Command({ Bucket: bucket.bucket, Prefix: key, ContinuationToken: token });
    const page = await bucket.client.send(command, { abortSignal: signal }).catch((error: unknown) => {
      throw explain(bucket, key, error);
    });
    for (const { Key = "" } of page.Contents ?? []) {
      const inside = Key === key || Key.startsWith(directoryKey(key));
      if (inside && (all || !Key.endsWith("/"))) yield Key;
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  }
}

async function loadTree(store: ArtifactStore, key: string, host: string): Promise<boolean> {
  let found = false;
  const prefix = directoryKey(key);
  await inParallel(store.list(prefix), async (at) => {
    if (!found) await mkdir(host, { recursive: true });
    found = true;
    const target = await placeBelow(host, at.slice(prefix.length));
    await pipeline(Readable.from(store.stream(at)), createWriteStream(target, { flags: "wx" }));
  });
  return found;
}

type Bytes = Exclude<Source, { host: string }>;

async function upload(bucket: Bucket, key: string, source: Bytes, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { Upload } = await import("@aws-sdk/lib-storage");
  const body = Readable.from(source.bytes());
  const work = new Upload({
    client: bucket.client,
    params: { Bucket: bucket.bucket, Key: key, Body: body, ...bucket.writing } as PutObjectCommandInput,
    partSize: Math.max(partSize, Math.ceil((source.atMost ?? 0) / mostParts)),
    queueSize: partsAtOnce,
  });
  const stop = () => void work.abort();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await work.done();
  } finally {
    signal.removeEventListener("abort", stop);
    body.destroy();
  }
}

async function createBucket({ client, bucket: Bucket, region, create }: Bucket): Promise<void> {
  const { CreateBucketCommand, HeadBucketCommand, PutBucketEncryptionCommand } = await import("@aws-sdk/client-s3");
  try {
    await client.send(new HeadBucketCommand({ Bucket }));
    return;
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  try {
    const constraint =
      region === "us-east-1" ? {} : { CreateBucketConfiguration: { LocationConstraint: region as "EU" } };
    const locking = create?.objectLocking ? { ObjectLockEnabledForBucket: true } : {};
    await client.send(new CreateBucketCommand({ Bucket, ...constraint, ...locking }));
  } catch (error) {
    // Somebody else was faster.
    if (!["BucketAlreadyOwnedByYou", "BucketAlreadyExists"].includes((error as Error).name)) throw error;
  }
  if (!create?.encryption) return;
  const rule = { ApplyServerSideEncryptionByDefault: create.encryption as { SSEAlgorithm: "AES256" } };
  const ServerSideEncryptionConfiguration = { Rules: [rule] };
  await client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
}
