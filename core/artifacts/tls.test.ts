import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { serveEdge, serveS3 } from "@capstan/testing/stores";
import { openAuthority } from "../pki/index.ts";
import { loadArtifact, type StoreResources, saveArtifact } from "./index.ts";
import { request } from "./web/index.ts";

const { signal } = new AbortController();

async function desk() {
  const path = mkdtempSync(join(tmpdir(), "capstan-tls-"));
  const authority = await openAuthority({ directory: join(path, "pki") });
  const server = await authority.issue({ commonName: "store", hosts: ["127.0.0.1"], usages: ["server"] });
  const resources: StoreResources = {
    secret: async (name) => (name === "ca" ? authority.cert : undefined),
    env: {},
    readText: async (file) => readFileSync(file, "utf8"),
  };
  writeFileSync(join(path, "f"), "text");
  return { path, authority, server, resources, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("s3: a server's certificate is checked against the Secret's authorities", async () => {
  using at = await desk();
  await using edge = await serveS3(["bucket"], at.server);
  const s3 = { endpoint: edge.host, bucket: "bucket", key: "k" };
  const save = (more: object) =>
    saveArtifact({ s3: { ...s3, ...more } }, join(at.path, "f"), "f", at.resources, signal);
  await assert.rejects(save({}), /unable to verify the first certificate|self-signed certificate/);
  assert.equal(edge.objects.size, 0);
  await save({ caSecret: { name: "ca", key: "ca.crt" } });
  assert.ok(edge.objects.has("bucket/k"));
});

test("git: a server's certificate is checked unless the artifact says otherwise", async () => {
  using at = await desk();
  await using edge = await serveEdge((_, __, response) => response.writeHead(404).end(), at.server);
  const git = { repo: `${edge.url}/x.git` };
  const out = join(at.path, "out");
  await assert.rejects(loadArtifact({ git }, out, at.resources, signal), /certificate/);
  await assert.rejects(
    loadArtifact({ git: { ...git, insecureSkipTLS: true } }, out, at.resources, signal),
    /answers 404/,
  );
});

test("http: a client shows its certificate", async () => {
  using at = await desk();
  const tls = { ...at.server, ca: at.authority.cert, requestCert: true, rejectUnauthorized: false };
  await using edge = await serveEdge((asked, _, response) => {
    response.end(String((asked.socket as TLSSocket).getPeerCertificate().subject?.CN));
  }, tls);
  const { cert, key } = await at.authority.issue({ commonName: "me", usages: ["client"] });
  const answer = await request(edge.url, { store: "http", signal, tls: { cert, key, ca: at.authority.cert } });
  assert.equal(String((await answer.toArray())[0]), "me");
});
