// Clones over http and https, in this process.
import { Buffer } from "node:buffer";
import fs from "node:fs";
import type { GitArtifact } from "@capstan/api/kinds/workflow";
import type { GitHttpRequest, HttpClient } from "isomorphic-git";
import type { Guard } from "../guard.ts";
import { StoreError } from "../store.ts";
import { bare, basicAuth, request } from "../web/index.ts";
import { type Library, loadSubmodules } from "./submodules.ts";

export interface Login {
  user: string;
  password: string;
}

/** Largest answer of a server, bytes: a pack is unpacked in memory. */
const packLimit = 2 ** 30;
/** More commits than any history has: takes a shallow clone's bounds away. */
const allCommits = 0x7fffffff;

export interface HttpAccess {
  login: Login | undefined;
  guard: Guard | undefined;
  signal: AbortSignal;
}

export async function cloneByHttp(git: GitArtifact, dir: string, access: HttpAccess): Promise<void> {
  const library = await import("isomorphic-git");
  const http = createHttp(git, access);
  await cloneOnce(library, http, git, dir);
  if (!git.disableSubmodules) {
    const inner = (repo: string, at: string, revision: string) =>
      cloneOnce(
        library,
        repo.startsWith(new URL(git.repo).origin) ? http : createHttp(git, { ...access, login: undefined }),
        { repo, revision },
        at,
      );
    await loadSubmodules(library, git.repo, dir, inner);
  }
}

async function cloneOnce(library: Library, http: HttpClient, git: GitArtifact, dir: string): Promise<void> {
  const { repo: url, branch, depth, singleBranch, revision, fetch = [] } = git;
  const cache = {};
  const base = { fs, http, dir, cache };
  const ref = branch ? { ref: branch } : {};
  const bounds = { ...(depth ? { depth } : {}), singleBranch: singleBranch === true };
  try {
    await library.clone({ ...base, url, ...ref, ...bounds, noCheckout: revision !== undefined && revision !== "" });
    for (const spec of fetch) await fetchRefs(library, base, url, spec, depth);
    if (!revision) return;
    let commit = await find(library, dir, revision);
    if (!commit && depth) {
      await library.fetch({ ...base, url, ...ref, depth: allCommits, singleBranch: singleBranch === true, tags: true });
      commit = await find(library, dir, revision);
    }
    if (!commit)
      throw new StoreError(`git.revision ${JSON.stringify(revision)} is neither a branch, a tag nor a commit`);
    await library.checkout({ fs, dir, cache, ref: commit, force: true });
  } catch (error) {
    if (error instanceof StoreError || (error as Error).name === "AbortError") throw error;
    const cause = (error as { cause?: unknown }).cause;
    if (cause instanceof StoreError) throw cause;
    throw new StoreError(`git ${bare(url)}: ${(error as Error).message}`, { cause: error });
  }
}

async function find(library: Library, dir: string, revision: string): Promise<string | undefined> {
  for (const ref of [`refs/remotes/origin/${revision}`, `refs/tags/${revision}`, revision]) {
    try {
      const oid = await library.resolveRef({ fs, dir, ref });
      return (await library.readCommit({ fs, dir, oid })).oid;
    } catch (error) {
      if (!(error instanceof library.Errors.NotFoundError)) throw error;
    }
  }
  if (!/^[0-9a-f]{4,40}$/.test(revision)) return undefined;
  try {
    const oid = await library.expandOid({ fs, dir, oid: revision });
    return (await library.readCommit({ fs, dir, oid })).oid;
  } catch (error) {
    if (error instanceof library.Errors.NotFoundError) return undefined;
    throw error;
  }
}

interface Base {
  fs: typeof fs;
  http: HttpClient;
  dir: string;
  cache: object;
}

/** `[+]<source>[:<target>]`, both with at most one `*`. */
async function fetchRefs(library: Library, base: Base, url: string, spec: string, depth: number | undefined) {
  const [source = "", target = ""] = spec.replace(/^\+/, "").split(":");
  const [prefix = "", suffix] = source.split("*");
  const known = await library.listServerRefs({ http: base.http, url, prefix });
  const matching = known.filter(({ ref }) => (suffix === undefined ? ref === source : ref.endsWith(suffix)));
  if (matching.length === 0 && suffix === undefined)
    throw new StoreError(`git.fetch: ${bare(url)} has no ref ${source}`);
  for (const { ref, oid } of matching) {
    await library.fetch({ ...base, url, remoteRef: ref, ref, singleBranch: true, ...(depth ? { depth } : {}) });
    const middle = ref.slice(prefix.length, ref.length - (suffix ?? "").length);
    if (target)
      await library.writeRef({ fs, dir: base.dir, ref: target.replace("*", middle), value: oid, force: true });
  }
}

function createHttp({ insecureSkipTLS }: GitArtifact, { login, guard, signal }: HttpAccess): HttpClient {
  const credentials: Record<string, string> = login ? basicAuth(login.user, login.password) : {};
  return {
    async request({ url, method = "GET", headers = {}, body }: GitHttpRequest) {
      const sent = body ? await collect(body) : undefined;
      const answer = await request(url, {
        store: "git",
        guard,
        signal,
        method: method as "GET" | "POST",
        headers: { ...headers, ...credentials, ...(sent ? { "content-length": String(sent.length) } : {}) },
        ...(sent ? { body: () => once(sent) } : {}),
        ...(insecureSkipTLS ? { tls: { rejectUnauthorized: false } } : {}),
      });
      return {
        url,
        method,
        headers: answer.headers as Record<string, string>,
        body: bounded(answer, url),
        statusCode: answer.statusCode ?? 0,
        statusMessage: answer.statusMessage ?? "",
      };
    },
  };
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
async function* once(bytes: Uint8Array) {
  yield bytes;
}
async function* bounded(answer: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<Uint8Array, void, unknown> {
  let size = 0;
  for await (const chunk of answer) {
    size += chunk.length;
    if (size > packLimit)
      throw new StoreError(
        `git ${bare(url)} sends more than ${packLimit} bytes (limit pack): set depth and singleBranch`,
      );
    yield chunk;
  }
}
