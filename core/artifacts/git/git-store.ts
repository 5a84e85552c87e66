// A repository as a store: its only content is a checkout. Fields: argo-workflows v1alpha1.GitArtifact.
import { rm } from "node:fs/promises";
import type { GitArtifact } from "@capstan/api/kinds/workflow";
import { createGuard } from "../guard.ts";
import { readSecret, type StoreResources } from "../resources.ts";
import { type ArtifactStore, StoreError, unable } from "../store.ts";
import { cloneByHttp } from "./by-http.ts";
import { cloneBySsh } from "./by-ssh.ts";

/** @throws StoreError naming a field, or a Secret and its key, that is missing. */
export async function openGit(
  git: GitArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<ArtifactStore> {
  const clone = await cloner(git, resources, signal);
  return {
    stat: async () => ({ kind: "directory" }),
    // biome-ignore lint/correctness/useYield: it only refuses.
    async *list() {
      unable("git", "listed");
    },
    // biome-ignore lint/correctness/useYield: it only refuses.
    async *stream() {
      unable("git", "read as one file");
    },
    async load(_, host) {
      try {
        await clone(host);
      } catch (error) {
        await rm(host, { recursive: true, force: true });
        throw error;
      }
      return true;
    },
    save: async () => unable("git", "saved"),
    delete: async () => unable("git", "deleted"),
  };
}

async function cloner(
  git: GitArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<(host: string) => Promise<void>> {
  if (git.singleBranch && !git.branch) throw new StoreError("git.branch is required with git.singleBranch");
  if (/^https?:\/\//.test(git.repo)) {
    const user = await readSecret(resources, git.usernameSecret, "git.usernameSecret");
    const password = await readSecret(resources, git.passwordSecret, "git.passwordSecret");
    const login =
      user === undefined && password === undefined ? undefined : { user: user ?? "", password: password ?? "" };
    return (host) => cloneByHttp(git, host, { login, guard: createGuard(resources), signal });
  }
  if (!/^ssh:\/\/[^-]/.test(git.repo) && !/^[\w.-]+@[^-][^:]*:/.test(git.repo)) {
    throw new StoreError(`git.repo ${JSON.stringify(git.repo)} is neither http(s)://, ssh:// nor user@host:path`);
  }
  const key = await readSecret(resources, git.sshPrivateKeySecret, "git.sshPrivateKeySecret");
  if (!key) throw new StoreError("git.sshPrivateKeySecret is required for a repository over ssh");
  return (host) => cloneBySsh(git, host, key, resources, signal);
}
