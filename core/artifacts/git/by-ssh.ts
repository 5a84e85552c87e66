// Clones over ssh, by the programs git and ssh of this machine.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GitArtifact } from "@capstan/api/kinds/workflow";
import type { StoreResources } from "../resources.ts";
import { StoreError } from "../store.ts";

/** What ssh and git say when a connection was not to be had, or broke off. */
const passing = /Could not resolve host|Connection (?:refused|reset|timed out|closed)|early EOF|No route to host/i;

/** The key lies in a temporary file while git runs. Known hosts: those of SSH_KNOWN_HOSTS in the environment, else the machine's. */
export async function cloneBySsh(
  git: GitArtifact,
  host: string,
  key: string,
  { git: run, env, readText }: StoreResources,
  signal: AbortSignal,
): Promise<void> {
  if (!run) throw new StoreError("git over ssh needs the program git, and programs are not run here");
  const desk = await mkdtemp(join(tmpdir(), "capstan-git-"));
  try {
    await writeFile(join(desk, "key"), `${key}\n`, { mode: 0o600 });
    const known = env.SSH_KNOWN_HOSTS ? await readText(env.SSH_KNOWN_HOSTS) : undefined;
    if (known !== undefined) await writeFile(join(desk, "known"), known);
    const hosts = known === undefined ? "none" : join(desk, "known");
    const checks = git.insecureIgnoreHostKey
      ? "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
      : `-o StrictHostKeyChecking=yes -o UserKnownHostsFile='${hosts}'`;
    const ssh = `ssh -F none -i '${join(desk, "key")}' -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=30 -o ServerAliveCountMax=4 -o LogLevel=ERROR ${checks}`;
    const variables = { GIT_SSH_COMMAND: ssh, GIT_ALLOW_PROTOCOL: "ssh:https:http" };
    const call = (...args: string[]) =>
      run({ args: ["-c", "core.hooksPath=/dev/null", ...args], env: variables, signal });
    await clone(git, host, call);
  } catch (error) {
    if (error instanceof StoreError || signal.aborted) throw error;
    const { message } = error as Error;
    throw new StoreError(`${message}`, { passing: passing.test(message), cause: error });
  } finally {
    await rm(desk, { recursive: true, force: true });
  }
}

type Call = (...args: string[]) => Promise<string>;

async function clone(git: GitArtifact, host: string, call: Call): Promise<void> {
  const { repo, revision, branch, depth, fetch = [], singleBranch, disableSubmodules } = git;
  const shallow = depth ? ["--depth", String(depth)] : [];
  const single = singleBranch ? ["--single-branch", `--branch=${branch}`] : ["--no-single-branch"];
  await call("clone", "--quiet", ...shallow, ...single, "--", repo, host);
  const inside = (...args: string[]) => call("-C", host, ...args);
  if (fetch.length > 0) await inside("fetch", "--quiet", ...shallow, "origin", "--", ...fetch);
  if (revision) {
    const commit = await find(revision, inside, depth !== undefined && depth > 0);
    await inside("checkout", "--quiet", "--detach", commit);
  }
  if (!disableSubmodules) await inside("submodule", "update", "--quiet", "--init", "--recursive");
}

/** The commit of a revision; a shallow clone becomes a whole one when it is not in it. */
async function find(revision: string, inside: Call, isShallow: boolean): Promise<string> {
  if (revision.startsWith("-")) throw new StoreError(`git.revision ${JSON.stringify(revision)} is no revision`);
  for (const name of [`refs/remotes/origin/${revision}`, `refs/tags/${revision}`, revision]) {
    const commit = await inside("rev-parse", "--quiet", "--verify", "--end-of-options", `${name}^{commit}`).catch(
      () => "",
    );
    if (commit) return commit.trim().split("\n").at(-1) as string;
  }
  if (!isShallow)
    throw new StoreError(`git.revision ${JSON.stringify(revision)} is neither a branch, a tag nor a commit`);
  await inside("fetch", "--quiet", "--unshallow", "--tags", "origin");
  return find(revision, inside, false);
}
