import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { GitArtifact } from "@capstan/api/kinds/workflow";
import { loadArtifact, type StoreResources } from "@capstan/core/artifacts";
import { runGit } from "../../../apps/executor/git.ts";
import { login, serveGit } from "./git-server.ts";
import { missing, openDesk, startSshd } from "./programs.ts";
import { resources, signal } from "./suite.ts";

interface Repositories {
  root: string;
  /** Commits by what they are. */
  commits: Record<string, string>;
}

/** Two bare repositories: `lib.git`, and `main.git` with branches, a tag, a ref of a review, and the other one inside. */
function makeRepositories(address: (name: string) => string): Repositories {
  const root = openDesk("repositories");
  const at = (name: string) => join(root, name);
  const allowed = [
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@t",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "protocol.file.allow=always",
  ];
  const git = (dir: string, ...args: string[]) =>
    execFileSync("git", ["-C", dir, ...allowed, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const commit = (name: string, file: string, text: string) => {
    writeFileSync(join(at(name), file), text);
    git(at(name), "add", "-A");
    git(at(name), "commit", "-qm", text);
    return git(at(name), "rev-parse", "HEAD");
  };
  for (const name of ["lib", "work"]) git(root, "init", "-q", name);
  const lib = commit("lib", "lib.txt", "lib 1");
  commit("lib", "lib.txt", "lib 2");
  const first = commit("work", "a.txt", "one");
  git(at("work"), "tag", "-a", "v1", "-m", "v1");
  git(at("work"), "checkout", "-qb", "feature");
  commit("work", "a.txt", "feature");
  git(at("work"), "checkout", "-q", "main");
  git(at("work"), "update-ref", "refs/reviews/7/head", "feature");
  git(at("work"), "submodule", "add", "-q", at("lib"), "sub");
  git(join(at("work"), "sub"), "checkout", "-q", lib);
  writeFileSync(join(at("work"), ".gitmodules"), `[submodule "sub"]\n\tpath = sub\n\turl = ${address("lib.git")}\n`);
  const main = commit("work", "a.txt", "two");
  for (const [from, to] of [["lib", "lib.git"], ["work", "main.git"]] as const) git(root, "clone", "-q", "--mirror", at(from), at(to)); // biome-ignore format: one line
  return { root, commits: { first, main } };
}

type Check = (more: Partial<GitArtifact>, expected: string, has?: string) => Promise<void>;

/** What is the same over every transport. */
async function tryRepository(check: Check, { first = "", main = "" }: Record<string, string>): Promise<void> {
  await check({}, "two", "lib 1");
  await check({ disableSubmodules: true }, "two");
  await check({ revision: "feature", disableSubmodules: true }, "feature");
  await check({ revision: "v1" }, "one");
  await check({ revision: first }, "one");
  await check({ revision: first.slice(0, 8), depth: 1 }, "one");
  await check({ revision: main, depth: 1 }, "two", "lib 1");
  await check({ branch: "feature", singleBranch: true, depth: 1, disableSubmodules: true }, "feature");
  await check({ fetch: ["refs/reviews/*:refs/remotes/origin/reviews/*"], revision: "reviews/7/head" }, "feature");
  await assert.rejects(
    check({ revision: "nothing" }, ""),
    /git\.revision "nothing" is neither a branch, a tag nor a commit/,
  );
}

function checker(repo: string, secrets: Partial<GitArtifact>, given: StoreResources): Check {
  const out = join(openDesk("checkout"), "out");
  return async (more, expected, sub) => {
    rmSync(out, { recursive: true, force: true });
    await loadArtifact({ git: { repo, ...secrets, ...more } }, out, given, signal);
    assert.equal(readFileSync(join(out, "a.txt"), "utf8"), expected);
    if (sub) assert.equal(readFileSync(join(out, "sub/lib.txt"), "utf8"), sub);
    else assert.equal(existsSync(join(out, "sub/lib.txt")), false);
  };
}

test("git over http, with a name and a token", async () => {
  const { root, commits } = makeRepositories((name) => `../${name}`);
  const address = await serveGit(root);
  const secrets = { usernameSecret: { name: "g", key: "u" }, passwordSecret: { name: "g", key: "p" } };
  const given = resources({ "g/u": login.user, "g/p": login.password });
  await tryRepository(checker(`${address}/main.git`, secrets, given), commits);
  await assert.rejects(checker(`${address}/main.git`, {}, given)({}, ""), /git http:.*answers 401.*who are you\?/);
  await assert.rejects(checker(`${address}/none.git`, secrets, given)({}, ""), /git http:.*answers 404/);
});

test("git over ssh, with a key", { skip: missing("sshd") }, async () => {
  const server = await startSshd();
  let root = "";
  const address = (name: string) => `ssh://${server.user}@127.0.0.1:${server.port}${root}/${name}`;
  const made = makeRepositories((name) => `../${name}`);
  root = made.root;
  const known = join(openDesk("known"), "known_hosts");
  writeFileSync(known, server.known);
  const given = { ...resources({ "g/key": server.key }), git: runGit, env: { SSH_KNOWN_HOSTS: known } };
  const secrets = { sshPrivateKeySecret: { name: "g", key: "key" } };
  await tryRepository(checker(address("main.git"), secrets, given), made.commits);
  const stranger = { ...given, env: {} };
  await assert.rejects(checker(address("main.git"), secrets, stranger)({}, ""), /Host key verification failed/);
  await checker(address("main.git"), { ...secrets, insecureIgnoreHostKey: true }, stranger)({}, "two", "lib 1");
  await assert.rejects(
    checker(address("none.git"), secrets, given)({}, ""),
    /git .*(does not exist|not appear to be a git repository)/,
  );
});
