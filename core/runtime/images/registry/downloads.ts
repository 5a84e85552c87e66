// Blobs on their way in: `<hex>.part` until all is there and is what its digest says, so that a later try goes on.
import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { backoff, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import { RuntimeError } from "../../cri.ts";
import { hexOf } from "../digest.ts";
import type { Descriptor } from "../manifest.ts";
import type { RegistryClient } from "./client.ts";
import { type Answer, stalled, UnreachableError } from "./http.ts";

/** Tries in a row that bring nothing new, before a download has failed. */
const triesLimit = 4;
/** How long what was begun is kept, milliseconds. */
const keepMs = 24 * 3600 * 1000;
/** Bytes in `timings.stall` below which a server counts as stalled. */
const leastProgress = 1024;

interface Part {
  path: string;
  file: FileHandle;
  sum: Hash;
  length: number;
}

export class Downloads {
  readonly #directory: string;
  readonly #busy = new Map<string, Promise<unknown>>();

  /** @param directory absolute. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Removes what nobody has gone on with. */
  open(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (Date.now() - statSync(path).mtimeMs > keepMs) rmSync(path, { force: true });
    }
  }

  /**
   * @param received is told how many bytes are there, whenever it has changed.
   * @returns the path of the whole blob, the caller's to remove.
   */
  async fetch(
    client: RegistryClient,
    blob: Descriptor,
    received: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<string> {
    // Two pulls may want the same blob: one after the other.
    for (let busy = this.#busy.get(blob.digest); busy; busy = this.#busy.get(blob.digest)) await busy;
    const work = this.#fetch(client, blob, received, signal);
    const over = Promise.allSettled([work]).then(() => this.#busy.delete(blob.digest));
    this.#busy.set(blob.digest, over);
    return await work;
  }

  async #fetch(
    client: RegistryClient,
    blob: Descriptor,
    received: (bytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const whole = join(this.#directory, hexOf(blob.digest));
    if (existsSync(whole)) {
      received(blob.size);
      return whole;
    }
    const part = await openPart(`${whole}.part`, blob.size);
    let old = part.length > 0;
    try {
      for (;;) {
        received(part.length);
        await fill(client, blob, part, received, signal);
        if (`sha256:${part.sum.digest("hex")}` === blob.digest) break;
        await restart(part);
        if (!old)
          throw new RuntimeError("InvalidImage", `blob ${blob.digest}: the registry gives content of another digest`);
        old = false;
      }
    } finally {
      await part.file.close();
    }
    renameSync(part.path, whole);
    return whole;
  }
}

async function openPart(path: string, size: number): Promise<Part> {
  const file = await open(path, "a", 0o600);
  const part: Part = { path, file, sum: createHash("sha256"), length: 0 };
  try {
    if ((await file.stat()).size > size) await restart(part);
    for await (const chunk of createReadStream(path)) {
      part.sum.update(chunk);
      part.length += chunk.length;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return part;
}

async function restart(part: Part): Promise<void> {
  await part.file.truncate(0);
  part.length = 0;
  part.sum = createHash("sha256");
}

/** Asks for what is missing until nothing is. */
async function fill(
  client: RegistryClient,
  blob: Descriptor,
  part: Part,
  received: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let tries = 0;
  while (part.length < blob.size) {
    const before = part.length;
    try {
      const answer = await client.blob(blob.digest, part.length, signal);
      try {
        await takeBody(client, answer, blob, part, received);
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RuntimeError) throw error;
      tries = part.length - before >= leastProgress ? 1 : tries + 1;
      if (tries >= triesLimit) {
        const told = error instanceof UnreachableError ? error.message : messageOf(error);
        throw new RuntimeError("Failed", `blob ${blob.digest}: ${part.length} of ${blob.size} bytes came: ${told}`);
      }
      await sleep(backoff(tries - 1, { base: client.http.timings.retry, cap: 10_000 }), signal);
    }
  }
}

async function takeBody(
  client: RegistryClient,
  answer: Answer,
  blob: Descriptor,
  part: Part,
  received: (bytes: number) => void,
): Promise<void> {
  if (answer.status === 416 || (part.length > 0 && answer.status === 200)) await restart(part);
  if (answer.status === 416) return;
  if (answer.status === 206) {
    const [, from] = /^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "") ?? [];
    if (Number(from) !== part.length)
      throw new RuntimeError("Failed", `blob ${blob.digest}: the registry gives another range than it was asked for`);
  }
  let seen = part.length;
  const timer = setTimeout(() => answer.body.destroy(stalled(answer.url)), client.http.timings.stall);
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      if (part.length + chunk.length > blob.size) {
        await restart(part);
        const is = `is longer than the ${blob.size} bytes it is said to have`;
        throw new RuntimeError("InvalidImage", `blob ${blob.digest} ${is}`);
      }
      await part.file.appendFile(chunk);
      part.sum.update(chunk);
      part.length += chunk.length;
      received(part.length);
      if (part.length - seen < leastProgress) continue;
      seen = part.length;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
  if (part.length < blob.size) throw new Error(`the connection to ${answer.url.origin} ended too early`);
}
