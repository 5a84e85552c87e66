// Registries that lie, stall and break off.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { silent } from "@capstan/base/log";
import { digestOf, HostileRegistry, makeImage, type TestImage } from "@capstan/testing/registry";
import { Images } from "../service.ts";
import { layerLimits } from "../unpack.ts";

const content = randomBytes(300_000);
const image = makeImage({ layers: [[{ path: "file", content }]] });
const manifest = JSON.parse(String(image.blobs.get(image.top.digest))) as {
  config: { digest: string };
  layers: { digest: string; size: number }[];
};
const [layer = assert.fail()] = manifest.layers;
const layerBytes = image.blobs.get(layer.digest) as Buffer;

let registry: HostileRegistry;
let directory: string;
let images: Images;

before(async () => {
  registry = await HostileRegistry.start();
});
after(() => registry[Symbol.asyncDispose]());
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "capstan-hostile-"));
  registry.answer = () => false;
  registry.images.clear();
  registry.asked.length = 0;
  images = await open();
});
afterEach(async () => {
  await images.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(timings = {}): Promise<Images> {
  const made = new Images({
    directory: join(directory, "images"),
    builtin: [],
    mappings: [],
    inProcess: [],
    registries: { timings: { retry: 1, ...timings } },
    limits: { ...layerLimits, ratioFrom: 1 << 20 },
    inUse: () => [],
    log: silent,
  });
  await made.open();
  return made;
}

async function reopen(timings = {}): Promise<void> {
  await images.close();
  images = await open(timings);
}

const blobs = () => readdirSync(join(directory, "images/blobs"));
const layers = () => readdirSync(join(directory, "images/layers"));
const ranges = () => registry.asked.filter(({ url }) => url.includes(layer.digest)).map(({ headers }) => headers.range);

/** Answers requests whose URL has the text, so many times. */
function when(text: string, answer: (request: IncomingMessage, response: ServerResponse) => void, times = Infinity) {
  let left = times;
  registry.answer = (request, response) => {
    if (!request.url?.includes(text) || left-- <= 0) return false;
    answer(request, response);
    return true;
  };
}

async function refused(message: RegExp, name = registry.put("bad:1", image)): Promise<void> {
  await assert.rejects(images.pullImage(name), message);
  assert.deepEqual([layers(), images.find(name)], [[], undefined]);
}

test("a download that breaks off goes on where it was", async () => {
  const half = layerBytes.subarray(0, 150_000);
  when(
    layer.digest,
    (_, response) => {
      response.writeHead(200, { "content-length": layerBytes.length });
      response.write(half, () => response.destroy());
    },
    1,
  );
  await images.pullImage(registry.put("good:1", image));
  const [first, second = ""] = ranges();
  assert.equal(first, undefined);
  const [, from] = /^bytes=(\d+)-$/.exec(second) ?? [];
  assert.ok(Number(from) > 0 && Number(from) <= half.length, second);
  const { root } = images.find(`${registry.host}/good:1`) ?? assert.fail();
  assert.deepEqual(readFileSync(join(root.kind === "layers" ? (root.layers[0] ?? "") : "", "file")), content);
});

test("another agent goes on with what is there; what is not the blob's is loaded anew", async () => {
  const name = registry.put("good:1", image);
  mkdirSync(join(directory, "images/blobs"), { recursive: true });
  const part = join(directory, "images/blobs", `${layer.digest.slice(7)}.part`);
  writeFileSync(part, layerBytes.subarray(0, 1000));
  await reopen();
  await images.pullImage(name);
  assert.deepEqual(ranges(), ["bytes=1000-"]);
  await images.removeImage(name);
  assert.deepEqual([layers(), blobs()], [[], []]);
  registry.asked.length = 0;
  writeFileSync(part, "what was never part of it");
  await images.pullImage(name);
  assert.deepEqual(ranges(), ["bytes=25-", undefined]);
});

test("a server without ranges starts again", async () => {
  mkdirSync(join(directory, "images/blobs"), { recursive: true });
  writeFileSync(join(directory, "images/blobs", `${layer.digest.slice(7)}.part`), layerBytes.subarray(0, 1000));
  when(layer.digest, (_, response) => response.end(layerBytes));
  await images.pullImage(registry.put("good:1", image));
});

test("what has another digest or size is refused, wherever it is", async () => {
  when(layer.digest, (_, response) => response.end(Buffer.alloc(layerBytes.length)));
  await refused(/the registry gives content of another digest/);
  when(manifest.config.digest, (_, response) => response.end("{}"));
  await refused(/the registry gives content of another digest/);
  when(`manifests/${image.top.digest}`, (_, response) => response.end("{}"));
  await refused(/another digest/, `${registry.host}/bad@${image.top.digest}`);
  when("manifests/1", (_, response) => response.setHeader("docker-content-digest", digestOf("x")).end("{}"));
  await refused(/another digest/);
  when(layer.digest, (_, response) => response.writeHead(200).end(Buffer.concat([layerBytes, Buffer.from("more")])));
  await refused(/is longer than the \d+ bytes it is said to have/);
  when(layer.digest, ({ headers }, response) => {
    if (!headers.range)
      response
        .writeHead(200, { "content-length": layerBytes.length })
        .write(layerBytes.subarray(0, 10_000), () => response.destroy());
    else response.writeHead(206, { "content-range": "bytes 5-9/10" }).end("false");
  });
  await refused(/another range than it was asked for/);
  assert.deepEqual(
    blobs().filter((name) => !name.endsWith(".part")),
    [],
  );
});

test("an endless document, and endless redirects, end", async () => {
  const endless = (_: IncomingMessage, response: ServerResponse) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536, " ")));
    };
    response.on("drain", more);
    response.writeHead(200);
    more();
  };
  when("manifests/1", endless);
  await refused(/a document longer than 4194304 bytes/);
  when(manifest.config.digest, endless);
  await refused(/a document longer than/);
  when("manifests/1", ({ url }, response) => response.writeHead(302, { location: url }).end());
  await refused(/redirects without end/);
  when("manifests/1", (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end());
  await refused(/redirects to file:/);
});

test("a server that stalls is left", async () => {
  await reopen({ answer: 50, stall: 50 });
  when("manifests/1", () => {});
  await refused(/does not answer in time/);
  when("manifests/1", (_, response) => response.writeHead(200).write("{"));
  await refused(/does not answer in time/);
  when(layer.digest, (_, response) => response.writeHead(200).write("x"));
  await refused(/1 of \d+ bytes came: .*does not answer in time/);
});

test("a pull that is not wanted any more ends, and another one that waits for its layer goes on", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  when(layer.digest, () => resolve(), 1);
  const stop = new AbortController();
  const name = registry.put("good:1", image);
  const first = images.pullImage(name, stop.signal);
  const failed = assert.rejects(first, /not wanted/);
  await asked;
  const [progress] = images.pulls();
  assert.deepEqual(progress?.layers, [{ digest: layer.digest, size: layer.size, received: 0, state: "downloading" }]);
  const second = images.pullImage(registry.put("good:2", image));
  stop.abort(new Error("not wanted"));
  await failed;
  await second;
  assert.deepEqual(images.pulls(), []);
});

test("credentials stay with the server that asked for them", async () => {
  await using elsewhere = await HostileRegistry.start("localhost");
  elsewhere.answer = (_, response) => {
    response.end(layerBytes);
    return true;
  };
  registry.answer = ({ url, headers }, response) => {
    if (headers.authorization === undefined)
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end("{}");
    else if (url?.includes(layer.digest)) response.writeHead(307, { location: `http://${elsewhere.host}/blob` }).end();
    else return false;
    return true;
  };
  await images.pullImage(registry.put("good:1", image), undefined, { username: "u", password: "p" });
  const [blob, ...more] = elsewhere.asked;
  assert.deepEqual([blob?.url, blob?.headers.authorization, more.length], ["/blob", undefined, 0]);
});

test("a token server that wants the password in the clear does not get it", async () => {
  const realm = "http://tokens.example/token";
  when("/v2/", (_, response) => response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end());
  const name = registry.put("bad:1", image);
  await assert.rejects(
    images.pullImage(name, undefined, { username: "u", password: "p" }),
    /tokens\.example, which is not secure/,
  );
  when("/v2/", (_, response) => response.writeHead(401, { "www-authenticate": 'Bearer realm="file:///x"' }).end());
  await refused(/that is no URL/);
});

test("hostile images are refused and leave nothing", async () => {
  const cases: [TestImage, RegExp][] = [
    [makeImage({ layers: [[{ path: "../../escape", content: "!" }]] }), /leaves the image/],
    [makeImage({ layers: [[{ path: "zeros", content: Buffer.alloc(8 << 20) }]] }), /limit ratio = 200/],
    [makeImage({ layers: [[{ path: "a" }]], diffs: [digestOf("b")] }), /the layer's content is not/],
    [makeImage({ layers: [Buffer.from("not tar".repeat(200))] }), /wrong sum/],
    [makeImage({ layers: [], architecture: "sparc" }), /this machine is/],
  ];
  for (const [hostile, message] of cases) await refused(message, registry.put("bad:1", hostile));
  when("manifests/1", (_, response) => response.end('{"schemaVersion": 1}'));
  await refused(/schema version 1 are not supported/);
  when("manifests/1", (_, response) => response.end("<html>"));
  await refused(/is not JSON/);
  when("manifests/1", (_, response) => response.writeHead(429).end('{"errors":[{"message":"too many"}]}'));
  await refused(/status 429: too many/);
  assert.ok(lstatSync(directory).isDirectory());
  assert.deepEqual(readdirSync(join(directory, "images")).sort(), ["blobs", "empty", "images", "joints", "layers"]);
});
