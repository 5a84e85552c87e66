import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ArtifactLocation } from "@capstan/api/kinds/workflow";
import { type Edge, serveEdge, startHdfs, startS3 } from "@capstan/testing/stores";
import {
  deleteArtifact,
  listArtifact,
  loadArtifact,
  openStore,
  type StoreResources,
  saveArtifact,
  saveSource,
} from "./index.ts";

const { signal } = new AbortController();
const of = (name: string, key: string) => ({ name, key });

function desk(secrets: Record<string, string> = {}, more: Partial<StoreResources> = {}) {
  const path = mkdtempSync(join(tmpdir(), "capstan-stores-"));
  const tree = join(path, "tree");
  mkdirSync(join(tree, "sub/deep"), { recursive: true });
  writeFileSync(join(tree, "a.txt"), "A");
  writeFileSync(join(tree, "sub/deep/b"), "B".repeat(70_000));
  writeFileSync(join(tree, "sub/empty"), "");
  symlinkSync("a.txt", join(tree, "link"));
  const resources: StoreResources = {
    secret: async (name, key) => secrets[`${name}/${key}`],
    env: {},
    readText: async (file) => readFileSync(file, "utf8"),
    directory: { root: join(path, "store"), namespace: "ns" },
    ...more,
  };
  const out = join(path, "out");
  return { path, tree, out, resources, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

interface Scene extends Partial<AsyncDisposable> {
  location(key: string): ArtifactLocation;
  secrets?: Record<string, string>;
  env?: Record<string, string>;
}
const edged = (edge: Edge, rest: Omit<Scene, keyof AsyncDisposable>): Scene => ({
  ...rest,
  [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose](),
});

const keys = { accessKeySecret: of("m", "id"), secretKeySecret: of("m", "key") };
const secrets = { "m/id": "me", "m/key": "mine" };

/** Every store that keeps trees passes the same suite. */
const kept: Record<string, () => Promise<Scene>> = {
  file: async () => ({ location: (key) => ({ file: { key } }) }),
  async s3() {
    const edge = await startS3("bucket");
    const s3 = { endpoint: edge.host, insecure: true, bucket: "bucket", ...keys };
    return edged(edge, { secrets, location: (key) => ({ s3: { ...s3, key } }) });
  },
  async gcs() {
    const edge = await startS3("bucket");
    return edged(edge, {
      env: { STORAGE_EMULATOR_HOST: edge.host },
      location: (key) => ({ gcs: { bucket: "bucket", key } }),
    });
  },
  async oss() {
    const edge = await startS3("made");
    const oss = { endpoint: edge.url, bucket: "made", createBucketIfNotPresent: true, ...keys };
    return edged(edge, { secrets, location: (key) => ({ oss: { ...oss, key } }) });
  },
  async hdfs() {
    const edge = await startHdfs();
    return edged(edge, {
      location: (key) => ({ hdfs: { addresses: ["127.0.0.1:1", edge.host], hdfsUser: "me", path: `/${key}` } }),
    });
  },
};

for (const [name, start] of Object.entries(kept)) {
  test(`${name}: a tree comes back as it was kept, packed or not, and goes when it is deleted`, async () => {
    const scene = await start();
    await using _ = { [Symbol.asyncDispose]: async () => scene[Symbol.asyncDispose]?.() };
    using at = desk(scene.secrets, { env: scene.env ?? {} });
    for (const [i, archive] of [undefined, { none: {} }, { zip: {} }, { tar: { compressionLevel: 0 } }].entries()) {
      const place = { ...scene.location(`k/${i}`), ...(archive ? { archive } : {}) };
      assert.equal(await loadArtifact(place, at.out, at.resources, signal), false);
      await saveArtifact(place, at.tree, "tree", at.resources, signal);
      assert.equal(await loadArtifact(place, at.out, at.resources, signal), true);
      assert.equal(readFileSync(join(at.out, "a.txt"), "utf8"), "A");
      assert.equal(readFileSync(join(at.out, "sub/deep/b"), "utf8").length, 70_000);
      assert.equal(readFileSync(join(at.out, "sub/empty"), "utf8"), "");
      const listed = (await listArtifact(place, at.resources, signal)).map((key) => key.replace(/^\//, ""));
      const files = ["a.txt", "sub/deep/b", "sub/empty"].map((file) => `k/${i}/${file}`);
      assert.deepEqual(listed.sort(), archive && "none" in archive ? files : [`k/${i}`]);
      using opened = await openStore(place, at.resources, signal);
      const found = await opened.store.stat(opened.key);
      assert.equal(found?.kind, archive && "none" in archive ? "directory" : "file");
      await deleteArtifact(place, at.resources, signal);
      await deleteArtifact(place, at.resources, signal);
      assert.deepEqual(await listArtifact(place, at.resources, signal), []);
      rmSync(at.out, { recursive: true });
    }
    assert.deepEqual(
      readdirSync(at.path).sort(),
      name === "file" ? ["store", "tree"] : ["tree"],
      "nothing is left behind",
    );
  });
}

test("s3: what is large goes in parts, what fails midway is tried again, and no part is left behind", async () => {
  await using edge = await startS3("bucket");
  using at = desk(secrets);
  writeFileSync(join(at.path, "big"), Buffer.alloc(20 * 2 ** 20, "x"));
  const place = {
    archive: { none: {} },
    s3: { endpoint: edge.host, insecure: true, bucket: "bucket", key: "big", ...keys },
  };
  edge.fault = ({ url }, count) => (url?.includes("partNumber=2") && count < 12 ? { status: 503 } : undefined);
  await saveArtifact(place, join(at.path, "big"), "big", at.resources, signal);
  assert.equal(edge.objects.get("bucket/big")?.length, 20 * 2 ** 20);
  assert.equal(edge.open.size, 0);
  edge.fault = ({ method }) =>
    method === "PUT"
      ? { status: 403, body: "<Error><Code>QuotaExceeded</Code><Message>the bucket is full</Message></Error>" }
      : undefined;
  await assert.rejects(
    saveArtifact({ ...place, s3: { ...place.s3, key: "none" } }, join(at.path, "big"), "big", at.resources, signal),
    /s3 http:.*bucket\/none: QuotaExceeded: the bucket is full/,
  );
  assert.equal(edge.open.size, 0);
  edge.fault = ({ method }, count) => (method === "GET" && count % 2 === 1 ? { status: 200, cut: true } : undefined);
  if (edge.seen.length % 2 === 1) edge.seen.push("");
  assert.equal(await loadArtifact(place, at.out, at.resources, signal), true);
  assert.equal(readFileSync(at.out).length, 20 * 2 ** 20);
});

test("s3: encryption is asked for, addresses can be signed, and credentials come from where they are said to be", async () => {
  await using edge = await startS3("bucket");
  using at = desk(
    { ...secrets, "m/sse": "k".repeat(32) },
    { env: { AWS_ACCESS_KEY_ID: "ambient", AWS_SECRET_ACCESS_KEY: "s" } },
  );
  const s3 = { endpoint: edge.host, insecure: true, bucket: "bucket", key: "k" };
  const save = (more: object) =>
    saveSource(
      { s3: { ...s3, ...more } },
      {
        bytes: async function* () {
          yield Buffer.from("x");
        },
      },
      at.resources,
      signal,
    );
  await save({ ...keys, encryptionOptions: { enableEncryption: true } });
  assert.equal(edge.headers.at(-1)?.["x-amz-server-side-encryption"], "AES256");
  assert.match(edge.headers.at(-1)?.authorization ?? "", /Credential=me\//);
  const context = JSON.stringify({ a: "b" });
  await save({
    useSDKCreds: true,
    encryptionOptions: { enableEncryption: true, kmsKeyId: "id", kmsEncryptionContext: context },
  });
  assert.equal(edge.headers.at(-1)?.["x-amz-server-side-encryption-aws-kms-key-id"], "id");
  assert.match(edge.headers.at(-1)?.authorization ?? "", /Credential=ambient\//);
  await save({ encryptionOptions: { enableEncryption: true, serverSideCustomerKeySecret: of("m", "sse") } });
  assert.equal(edge.headers.at(-1)?.["x-amz-server-side-encryption-customer-algorithm"], "AES256");
  assert.equal(edge.headers.at(-1)?.authorization, undefined);
  using opened = await openStore({ s3: { ...s3, ...keys } }, at.resources, signal);
  const link = await opened.store.link?.("k", 60);
  assert.equal(await (await fetch(link as string)).text(), "x");
  assert.match(link ?? "", /X-Amz-Expires=60/);
  await save({ bucket: "fresh", createBucketIfNotPresent: {} });
  assert.ok(edge.objects.has("fresh/k"));
});

test("gcs: a service account's key becomes a token", async () => {
  await using tokens = await serveEdge((_, body, response) => {
    const assertion = new URLSearchParams(body.toString()).get("assertion") ?? "";
    const { iss } = JSON.parse(Buffer.from(assertion.split(".")[1] ?? "", "base64url").toString()) as { iss: string };
    response.end(JSON.stringify({ access_token: `for-${iss}`, expires_in: 3600 }));
  });
  await using edge = await startS3("bucket");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  const file = JSON.stringify({ client_email: "me", private_key: pem, token_uri: tokens.url });
  using at = desk({ "g/key": file }, { env: { STORAGE_EMULATOR_HOST: edge.host } });
  const place = { gcs: { bucket: "bucket", key: "k", serviceAccountKeySecret: of("g", "key") } };
  await saveArtifact(place, at.tree, "tree", at.resources, signal);
  assert.equal(edge.headers.at(-1)?.authorization, "Bearer for-me");
  assert.equal(tokens.seen.length, 1);
});

test("http: headers, names, tokens; PUT says its length; what breaks off is asked for again", async () => {
  const files = new Map<string, Buffer>();
  await using edge = await serveEdge((request, body, response, url) => {
    if (url.pathname === "/token") return response.end(JSON.stringify({ access_token: "t" }));
    if (url.pathname === "/moved") return response.writeHead(302, { location: "/a" }).end();
    if (request.method === "PUT") files.set(url.pathname, body);
    const found = files.get(url.pathname);
    return found ? response.end(request.method === "PUT" ? "" : found) : response.writeHead(404).end();
  });
  using at = desk({ "h/u": "name", "h/p": "pass\n", "h/url": `${edge.url}/token` });
  const basic = { basicAuth: { usernameSecret: of("h", "u"), passwordSecret: of("h", "p") } };
  const place = { http: { url: `${edge.url}/a`, headers: [{ name: "x-own", value: "v" }], auth: basic } };
  await saveArtifact(place, at.tree, "tree", at.resources, signal);
  const sent = edge.headers.at(-1);
  assert.equal(sent?.authorization, `Basic ${Buffer.from("name:pass").toString("base64")}`);
  assert.equal(sent?.["x-own"], "v");
  assert.equal(sent?.["content-length"], String(files.get("/a")?.length));
  edge.fault = (_, count) => (count < 4 ? { status: count === 2 ? 500 : 200, cut: count !== 2 } : undefined);
  assert.equal(await loadArtifact({ http: { url: `${edge.url}/moved` } }, at.out, at.resources, signal), true);
  assert.equal(readFileSync(join(at.out, "a.txt"), "utf8"), "A");
  const oauth2 = { tokenURLSecret: of("h", "url"), clientIDSecret: of("h", "u"), clientSecretSecret: of("h", "p") };
  assert.equal(
    await loadArtifact({ http: { url: `${edge.url}/none`, auth: { oauth2 } } }, at.out, at.resources, signal),
    false,
  );
  assert.equal(edge.headers.at(-1)?.authorization, "Bearer t");
  await assert.rejects(deleteArtifact(place, at.resources, signal), /http: artifacts cannot be deleted in this store/);
  const artifactory = { url: `${edge.url}/repo/x`, usernameSecret: of("h", "u"), passwordSecret: of("h", "p") };
  await saveArtifact({ artifactory }, at.tree, "tree", at.resources, signal);
  assert.ok(files.has("/repo/x"));
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith("capstan-upload-")),
    [],
  );
});

const s3 = { endpoint: "127.0.0.1:1", bucket: "b", key: "k" };
const refused: Record<string, [ArtifactLocation, RegExp]> = {
  "a Secret that is missing": [
    { s3: { ...s3, accessKeySecret: of("cred", "id") } },
    /s3\.accessKeySecret: there is no Secret cred with the key id in the namespace/,
  ],
  "a password that is missing": [
    { artifactory: { url: "http://x", passwordSecret: of("cred", "p") } },
    /artifactory\.passwordSecret: there is no Secret cred/,
  ],
  "no bucket": [{ s3: { endpoint: "x", key: "k" } }, /s3\.bucket is required/],
  "no name node": [{ hdfs: { path: "/x" } }, /hdfs\.addresses is required/],
  "an address of another kind": [{ http: { url: "file:///etc/passwd" } }, /no http or https address/],
  "a repository of another kind": [{ git: { repo: "file:///etc" } }, /neither http\(s\):\/\/, ssh:\/\//],
  "a repository that is an option": [{ git: { repo: "ssh://-oProxyCommand=x/y" } }, /neither/],
  "ssh without a key": [{ git: { repo: "git@host:x" } }, /git\.sshPrivateKeySecret is required/],
  "a key file that is none": [
    { gcs: { bucket: "b", key: "k", serviceAccountKeySecret: of("bad", "k") } },
    /gcs\.serviceAccountKeySecret: the value is no JSON key file/,
  ],
};
for (const [name, [location, message]] of Object.entries(refused)) {
  test(`refused: ${name}`, async () => {
    using at = desk({ "bad/k": "{" });
    await assert.rejects(loadArtifact(location, at.out, at.resources, signal), message);
    assert.deepEqual(readdirSync(at.path), ["tree"]);
  });
}

test("hdfs: what is there stays unless it is forced away, and the same again is no error", async () => {
  await using edge = await startHdfs();
  using at = desk();
  const hdfs = { addresses: [edge.host], path: "/k" };
  const save = (file: string, more = {}) =>
    saveArtifact(
      { archive: { none: {} }, hdfs: { ...hdfs, ...more } },
      join(at.tree, file),
      file,
      at.resources,
      signal,
    );
  await save("a.txt");
  await save("a.txt");
  await assert.rejects(save("sub/deep/b"), /there is a file at \/k already; set hdfs\.force/);
  await save("sub/deep/b", { force: true });
  assert.deepEqual([...edge.files.keys()], ["/k"]);
  edge.fault = () => ({
    status: 403,
    body: JSON.stringify({
      RemoteException: { exception: "AccessControlException", message: "Permission denied: user=me\nat x" },
    }),
  });
  await assert.rejects(save("a.txt"), /hdfs: AccessControlException: Permission denied: user=me$/);
});

test("a place without a key is a whole store, and is not deleted", async () => {
  using at = desk(secrets);
  for (const place of [{ s3: { ...s3, key: "" } }, { hdfs: { addresses: ["x"], path: "/" } }, { file: { key: "" } }])
    await assert.rejects(deleteArtifact(place, at.resources, signal), /is a whole store, and is not deleted/);
});

test("a work that is called off ends, and leaves nothing", async () => {
  await using edge = await serveEdge(() => {});
  using at = desk();
  const stop = new AbortController();
  const ended = loadArtifact({ http: { url: edge.url } }, at.out, at.resources, stop.signal);
  while (edge.seen.length === 0) await new Promise(setImmediate);
  stop.abort();
  await assert.rejects(ended);
  assert.equal(existsSync(at.out), false);
  assert.deepEqual(readdirSync(at.path), ["tree"]);
});

test("the program git is named where it is missing or fails", async () => {
  const key = { "g/k": "key" };
  const git = { repo: "git@127.0.0.1:x", sshPrivateKeySecret: of("g", "k") };
  using none = desk(key);
  await assert.rejects(loadArtifact({ git }, none.out, none.resources, signal), /needs the program git/);
  let seen: string[] = [];
  using failing = desk(key, {
    git: async ({ args, env }) => {
      seen = args;
      const file = /-i '([^']+)'/.exec(env.GIT_SSH_COMMAND ?? "")?.[1] ?? "";
      assert.equal(readFileSync(file, "utf8"), "key\n");
      throw new Error("git clone: Permission denied (publickey).");
    },
  });
  await assert.rejects(
    loadArtifact({ git }, failing.out, failing.resources, signal),
    /Permission denied \(publickey\)/,
  );
  assert.ok(seen.includes("--") && seen.includes(git.repo));
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith("capstan-git-")),
    [],
  );
});

test("no credentials are taken from the machine unless its account may be used", async () => {
  await using edge = await startS3("bucket");
  using at = desk();
  const s3 = { endpoint: edge.host, insecure: true, bucket: "bucket", key: "k", useSDKCreds: true };
  await assert.rejects(loadArtifact({ s3 }, at.out, at.resources, signal), /useSDKCreds: the pod has no credentials/);
  await using container = await serveEdge((request, _, response) => {
    const [AccessKeyId, Token] = ["fromPod", request.headers.authorization ?? "none"];
    response.end(JSON.stringify({ AccessKeyId, SecretAccessKey: "s", Token, Expiration: "2100-01-01T00:00:00Z" }));
  });
  using pod = desk({}, { env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url } });
  await saveArtifact({ s3 }, pod.tree, "tree", pod.resources, signal);
  assert.match(edge.headers.at(-1)?.authorization ?? "", /Credential=fromPod\//);
  assert.equal(edge.headers.at(-1)?.["x-amz-security-token"], "none");
});

const own = "169.254.169.254";
const inside: Record<string, ArtifactLocation> = {
  s3: { s3: { endpoint: own, insecure: true, bucket: "bucket", key: "k" } },
  http: { http: { url: `http://${own}/latest/meta-data` } },
  "http in IPv6": { http: { url: "http://[fd00:ec2::254]/latest" } },
  hdfs: { hdfs: { addresses: [`${own}:80`], path: "/k" } },
  git: { git: { repo: `http://${own}/x.git` } },
};
for (const [name, place] of Object.entries(inside)) {
  test(`${name}: what a machine runs on is no store`, async () => {
    using at = desk();
    const loading = loadArtifact(place, at.out, at.resources, signal);
    await assert.rejects(loading, /is an address of the machine itself, and no store/);
  });
}

test("a redirect to what a machine runs on is not followed", async () => {
  await using edge = await serveEdge((_, __, response) =>
    response.writeHead(302, { location: `http://${own}/` }).end(),
  );
  using at = desk();
  const loading = loadArtifact({ http: { url: edge.url } }, at.out, at.resources, signal);
  await assert.rejects(loading, /is an address of the machine itself, and no store/);
});
