// A store in HDFS. Keys are absolute paths; what is below ".capstan-" names is not there yet.
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import type { HdfsArtifact } from "@capstan/api/kinds/workflow";
import { createGuard } from "../guard.ts";
import { inParallel } from "../parallel.ts";
import type { StoreResources } from "../resources.ts";
import { type ArtifactStore, type Entry, type Source, StoreError } from "../store.ts";
import { filesOf, placeBelow } from "../tree.ts";
import { createWebHdfs, type WebHdfs } from "./web-hdfs.ts";

interface FileStatus {
  pathSuffix: string;
  type: "FILE" | "DIRECTORY";
  length: number;
}

/** @throws StoreError naming a field that is missing or not supported. */
export function openHdfs(hdfs: HdfsArtifact, resources: StoreResources, signal: AbortSignal): ArtifactStore {
  if (!hdfs.addresses?.length) throw new StoreError("hdfs.addresses is required");
  const web = createWebHdfs({ addresses: hdfs.addresses, user: hdfs.hdfsUser, guard: createGuard(resources), signal });
  return {
    stat: (key) => stat(web, absolute(key)),
    async *list(key) {
      const path = absolute(key);
      const found = await stat(web, path);
      if (found?.kind === "file") yield path;
      else if (found) yield* below(web, path);
    },
    async *stream(key) {
      for await (const chunk of await web.open(absolute(key))) yield chunk as Buffer;
    },
    async load(key, host) {
      const path = absolute(key);
      const found = await stat(web, path);
      if (!found) return false;
      const copy = async (from: string, to: string) =>
        pipeline(await web.open(from), createWriteStream(to, { flags: "wx" }), { signal });
      if (found.kind === "file") await copy(path, host);
      else {
        await mkdir(host, { recursive: true });
        await inParallel(below(web, path), async (at) => copy(at, await placeBelow(host, at.slice(path.length))));
      }
      return true;
    },
    save: (key, source) => save(web, absolute(key), source, hdfs.force === true),
    delete: async (key) => void (await web.ask("DELETE", absolute(key), { op: "DELETE", recursive: "true" })),
  };
}

function absolute(key: string): string {
  if (key.split("/").includes("..")) throw new StoreError(`hdfs.path ${JSON.stringify(key)} must not have ..`);
  return posix.normalize(`/${key}`).replace(/(.)\/$/, "$1");
}

async function stat(web: WebHdfs, path: string): Promise<Entry | undefined> {
  try {
    const { FileStatus: found } = (await web.ask("GET", path, { op: "GETFILESTATUS" })) as { FileStatus?: FileStatus };
    return found?.type === "DIRECTORY" ? { kind: "directory" } : { kind: "file", size: found?.length ?? 0 };
  } catch (error) {
    if (error instanceof StoreError && error.missing) return undefined;
    throw error;
  }
}

async function* below(web: WebHdfs, path: string): AsyncGenerator<string> {
  const answer = (await web.ask("GET", path, { op: "LISTSTATUS" })) as { FileStatuses?: { FileStatus?: FileStatus[] } };
  const entries = answer.FileStatuses?.FileStatus ?? [];
  for (const { pathSuffix, type } of entries.sort((a, b) => (a.pathSuffix < b.pathSuffix ? -1 : 1))) {
    if (pathSuffix.startsWith(".capstan-")) continue;
    const at = `${path === "/" ? "" : path}/${pathSuffix}`;
    if (type === "DIRECTORY") yield* below(web, at);
    else yield at;
  }
}

/** Written beside and renamed: a reader finds all of it or nothing. */
async function save(web: WebHdfs, path: string, source: Source, force: boolean): Promise<void> {
  const parent = posix.dirname(path);
  const aside = posix.join(parent, `.capstan-${randomUUID()}`);
  try {
    await web.ask("PUT", parent, { op: "MKDIRS" });
    let isFile = true;
    if ("host" in source) {
      await inParallel(filesOf(source.host), async ({ host, name }) => {
        if (name !== "") isFile = false;
        await web.create(
          name === "" ? aside : `${aside}/${name}`,
          () => createReadStream(host) as AsyncIterable<Uint8Array>,
        );
      });
    } else await web.create(aside, () => source.bytes());
    const there = await stat(web, path);
    if (there && !force) {
      // The same step that runs again after an interruption finds its own work.
      if (isFile && there.kind === "file" && (await checksum(web, path)) === (await checksum(web, aside))) return;
      throw new StoreError(`hdfs: there is a ${there.kind} at ${path} already; set hdfs.force to replace it`);
    }
    if (there) await web.ask("DELETE", path, { op: "DELETE", recursive: "true" });
    const { boolean: done } = await web.ask("PUT", aside, { op: "RENAME", destination: path });
    if (!done) throw new StoreError(`hdfs: ${path} could not be given its name`, { passing: true });
  } finally {
    await web.ask("DELETE", aside, { op: "DELETE", recursive: "true" });
  }
}

async function checksum(web: WebHdfs, path: string): Promise<string> {
  return JSON.stringify((await web.ask("GET", path, { op: "GETFILECHECKSUM" })).FileChecksum);
}
