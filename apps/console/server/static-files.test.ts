import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createStaticFiles } from "./static-files.ts";

let root: string;
let dist: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "static-"));
  dist = join(root, "dist");
  await mkdir(join(dist, "assets"), { recursive: true });
  await writeFile(join(root, "secret.txt"), "no");
  await writeFile(join(dist, ".sources"), "digest");
  await writeFile(join(dist, "index.html"), '<meta property="csp-nonce" nonce="CSP_NONCE"><script nonce="CSP_NONCE">');
  await writeFile(join(dist, "assets", "app-1a2b.js"), "export {};");
});
after(() => rm(root, { recursive: true, force: true }));

test("hashed files are kept for ever, with their type", async () => {
  const file = await createStaticFiles(dist).file("/assets/app-1a2b.js");
  assert.equal(file?.headers["content-type"], "text/javascript; charset=utf-8");
  assert.match(file?.headers["cache-control"] ?? "", /immutable/);
  assert.equal(String(file?.body), "export {};");
});

test("no path leaves the directory, and dot files are not served", async () => {
  const files = createStaticFiles(dist);
  for (const path of [
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/.sources",
    "/",
    "/assets",
  ]) {
    assert.equal(await files.file(path), undefined, path);
  }
});

test("the page has a fresh nonce each time, and a policy that names it", async () => {
  const files = createStaticFiles(dist);
  const nonces = await Promise.all(
    [1, 2].map(async () => {
      const { body, headers } = await files.page();
      const nonce = /nonce="([^"]+)"/.exec(String(body))?.[1] ?? "";
      assert.ok(!String(body).includes("CSP_NONCE"));
      const policy = headers["content-security-policy"] ?? "";
      assert.ok(policy.includes(`style-src 'self' 'nonce-${nonce}'`));
      assert.match(policy, /default-src 'none'.*script-src 'self';.*frame-ancestors 'none'/);
      return nonce;
    }),
  );
  assert.notEqual(nonces[0], nonces[1]);
});

test("a build that is missing says how to make it", async () => {
  const files = createStaticFiles(join(root, "nowhere"));
  assert.equal(await files.file("/assets/app-1a2b.js"), undefined);
  const page = await files.page();
  assert.equal(page.status, 503);
  assert.match(String(page.body), /npm run prepare/);
});
