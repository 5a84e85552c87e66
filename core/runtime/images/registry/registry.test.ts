// Against Debian's docker-registry.
import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { silent } from "@capstan/base/log";
import { openAuthority } from "@capstan/core/pki";
import { programsMissing } from "@capstan/testing/programs";
import {
  account,
  basic,
  HostileRegistry,
  makeImage,
  makeIndex,
  TestRegistry,
  TokenServer,
} from "@capstan/testing/registry";
import { Images } from "../service.ts";
import type { RegistryOptions } from "./options.ts";

const skip = programsMissing("docker-registry");
let registry: TestRegistry;
let directory: string;
let images: Images;

before(async () => {
  if (!skip) registry = await TestRegistry.start();
});
after(() => registry?.[Symbol.asyncDispose]());
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "capstan-pull-"));
  images = await open();
});
afterEach(async () => {
  await images.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(registries: RegistryOptions = {}, inUse: string[] = []): Promise<Images> {
  const options = { directory: join(directory, "images"), builtin: [], mappings: [], inProcess: [], log: silent };
  const made = new Images({ ...options, registries, inUse: () => inUse });
  await made.open();
  return made;
}

const image = (content: string, options = {}) =>
  makeImage({ layers: [[{ path: "base", content: "base" }], [{ path: "file", content }]], ...options });

function contentOf(name: string): number {
  const { root } = images.find(name) ?? assert.fail(`no image ${name}`);
  return lstatSync(join(root.kind === "layers" ? (root.layers[0] ?? "") : "", "file")).size;
}

test("tags, digests, indexes, and every packing", { skip }, async () => {
  for (const [tag, options] of Object.entries({
    gzip: {},
    zstd: { packing: "zstd" },
    plain: { packing: "none" },
    docker: { docker: true },
  })) {
    const name = await registry.push(`team/${tag}:v1`, image(tag, options));
    assert.match(await images.pullImage(name), /^sha256:/);
    assert.equal(contentOf(name), tag.length);
  }
  for (const docker of [false, true]) {
    const other = makeImage({ layers: [[{ path: "file", content: "no" }]], architecture: "sparc", docker });
    const name = await registry.push(`team/index-${docker}`, makeIndex([other, image("mine", { docker })], docker));
    await images.pullImage(name);
    assert.equal(contentOf(name), 4);
    const only = await registry.push(`team/other-${docker}:1`, makeIndex([other], docker));
    await assert.rejects(images.pullImage(only), /it is for linux\/sparc/);
    const [digest = ""] = images.imageStatus(name)?.digests ?? [];
    assert.equal(await images.pullImage(digest), images.find(name)?.id);
  }
  await assert.rejects(images.pullImage(`${registry.host}/team/gzip:v2`), /manifest unknown: not found/);
  await assert.rejects(images.pullImage(`${registry.host}/nowhere`), /not found/);
  assert.deepEqual([images.pulls(), readdirSync(join(directory, "images/blobs"))], [[], []]);
});

test("a tag that has moved is pulled anew; the image without a name stays until it is removed", { skip }, async () => {
  const name = await registry.push("moving", image("one"));
  const first = await images.pullImage(name);
  assert.equal(await images.pullImage(name), first);
  await registry.push("moving", image("three"));
  const second = await images.pullImage(name);
  assert.notEqual(first, second);
  assert.equal(contentOf(name), 5);
  assert.deepEqual(images.imageStatus(first)?.names, []);
  await images.close();
  images = await open({}, [first]);
  assert.deepEqual(images.listImages().filter(({ pinned }) => !pinned).length, 2);
  await assert.rejects(images.removeImage(first), /in use by a container/);
  await images.removeImage(name);
  assert.equal(images.find(name), undefined);
  assert.ok(images.find(first));
});

test("many pulls of images that share a layer load it once", { skip }, async () => {
  const names = await Promise.all(
    ["a", "b", "c", "d"].map((tag) => registry.push(`shared:${tag}`, image(`content ${tag}`))),
  );
  await Promise.all([...names, ...names].map((name) => images.pullImage(name)));
  const layers = readdirSync(join(directory, "images/layers")).filter((name) => !name.endsWith(".json"));
  assert.equal(layers.length, 5);
});

test("a password for Basic authentication", { skip }, async () => {
  await using closed = await TestRegistry.start({ auth: "htpasswd" });
  const name = await closed.push("private", image("secret"), basic);
  await assert.rejects(images.pullImage(name), /pull access denied for private: .*imagePullSecrets/);
  await assert.rejects(images.pullImage(name, undefined, { ...account, password: "not-this-one" }), (error: Error) => {
    assert.doesNotMatch(error.message, /not-this-one/);
    return /pull access denied/.test(error.message);
  });
  const auth = Buffer.from(`${account.username}:${account.password}`).toString("base64");
  await images.pullImage(name, undefined, { auth });
  assert.equal(contentOf(name), 6);
});

test("the node's own credentials, for registries and for mirrors", { skip }, async () => {
  await using closed = await TestRegistry.start({ auth: "htpasswd" });
  const name = await closed.push("private", image("by login"), basic);
  const configFile = join(directory, "config.json");
  writeFileSync(configFile, JSON.stringify({ auths: { [closed.host]: account } }));
  await images.close();
  images = await open({ configFile, mirrors: { "docker.io": [`http://${closed.host}`] } });
  await images.pullImage(name);
  assert.equal(contentOf(name), 8);
  await closed.push("library/private", image("mirrored"), basic);
  await images.pullImage("docker.io/private");
  await assert.rejects(images.pullImage(name, undefined, { ...account, password: "other" }), /pull access denied/);
  writeFileSync(configFile, '{"credsStore":"desktop"}');
  await assert.rejects(images.pullImage(name), /config\.json: credsStore: programs that keep credentials/);
});

test("a mirror is asked first, and the registry when it has not the image", { skip }, async () => {
  await registry.push("hub/library/tool:1", image("mirrored"));
  await images.close();
  images = await open({ mirrors: { "docker.io": [`http://${registry.host}/hub`], "127.0.0.1:1": [] } });
  await images.pullImage("tool:1");
  assert.deepEqual(images.imageStatus("tool:1")?.names, ["docker.io/library/tool:1"]);
  await assert.rejects(images.pullImage("127.0.0.1:1/x/y:2"), (error: Error) => {
    assert.match(error.message, /cannot be reached.*--registry-mirror 127\.0\.0\.1:1=http/);
    return /--image-map FILE .*\{"127\.0\.0\.1:1\/x\/y": \{"rootfs": "host"\}\}/.test(error.message);
  });
});

test("a certificate that nobody vouches for, and a registry whose certificate is not looked at", { skip }, async () => {
  const authority = await openAuthority({ directory: join(directory, "pki") });
  const pair = await authority.issue({ commonName: "registry", usages: ["server"], hosts: ["127.0.0.1"] });
  await using secure = await TestRegistry.start({ tls: pair });
  const name = `${secure.host}/none:1`;
  await assert.rejects(images.pullImage(name), /certificate is not trusted: .*--insecure-registry 127/);
  await images.close();
  images = await open({ insecure: [secure.host] });
  await assert.rejects(images.pullImage(name), /manifest unknown: not found/);
});

test("what the node has is not asked for again, and many ask once", { skip }, async () => {
  await using counting = await HostileRegistry.start();
  const name = counting.put("counted:1", image("once"));
  const manifests = () => counting.asked.filter(({ url }) => url.includes("/manifests/")).map(({ method }) => method);
  await Promise.all([1, 2, 3, 4].map(() => images.pullImage(name)));
  assert.deepEqual(manifests(), ["GET"]);
  await images.pullImage(name);
  assert.deepEqual(manifests(), ["GET", "HEAD"]);
  counting.put("counted:1", image("twice"));
  await images.pullImage(name);
  assert.deepEqual(manifests(), ["GET", "HEAD", "HEAD", "GET"]);
  assert.equal(contentOf(name), 5);
});

test("tokens: a server of its own gives them, for a repository and an account", { skip }, async () => {
  await using tokens = await TokenServer.start(join(directory, "pki"));
  await using closed = await TestRegistry.start({ auth: tokens.auth });
  const token = await tokens.give("repository:team/private:pull,push");
  const name = await closed.push("team/private", image("by token"), `Bearer ${token}`);
  await assert.rejects(images.pullImage(name), /failed to authorize: .* gives no token: status 401/);
  await images.pullImage(name, undefined, account);
  assert.equal(contentOf(name), 8);
  const [anonymous, authorized, ...more] = tokens.asked;
  assert.deepEqual([anonymous?.authorization, authorized?.authorization, more.length], [undefined, basic, 0]);
  assert.equal(authorized?.url.searchParams.get("scope"), "repository:team/private:pull");
  assert.equal(authorized?.url.searchParams.get("account"), account.username);
});
