import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { programsMissing } from "@capstan/testing/programs";
import { openAuthority } from "./authority.ts";
import { type CertificateRequest, day, renewalTime } from "./certificate.ts";
import { createRenewal } from "./renewal.ts";
import { openTokenSigner } from "./token.ts";

const server: CertificateRequest = {
  commonName: "kube-apiserver",
  hosts: ["localhost", "127.0.0.1", "kubernetes.default.svc.cluster.local", "10.96.0.1"],
  usages: ["server"],
};

async function directory(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "capstan-pki-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test("an authority and its certificates are made once and read afterwards", async (t) => {
  const at = await directory(t);
  const first = await openAuthority({ directory: join(at, "pki") });
  const pair = await first.obtain("apiserver", server);
  const second = await openAuthority({ directory: join(at, "pki") });
  assert.equal(second.cert, first.cert);
  assert.deepEqual(await second.obtain("apiserver", server), pair);
  for (const name of await readdir(join(at, "pki"))) {
    assert.equal((await stat(join(at, "pki", name))).mode & 0o777, 0o600, name);
  }
  assert.equal((await stat(join(at, "pki"))).mode & 0o777, 0o700);
});

const skip = programsMissing("openssl");

test("openssl accepts what the authority signs", { skip }, async (t) => {
  const at = await directory(t);
  const authority = await openAuthority({ directory: at });
  await authority.obtain("apiserver", server);
  await authority.obtain("admin", { commonName: "admin", organizations: ["system:masters", "b"], usages: ["client"] });
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: at, encoding: "utf8" });
  assert.match(openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.crt", "apiserver.crt"), /OK/);
  assert.match(openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.crt", "admin.crt"), /OK/);
  assert.match(openssl("x509", "-in", "admin.crt", "-noout", "-subject"), /O = system:masters, O = b, CN = admin/);
  assert.throws(() => openssl("verify", "-purpose", "sslserver", "-CAfile", "ca.crt", "admin.crt"));
});

test("a certificate is renewed when a third of its life is left, or when its names change", async (t) => {
  const at = await directory(t);
  let now = Date.now();
  const authority = await openAuthority({ directory: at, clock: () => now });
  const pair = await authority.obtain("apiserver", server);
  now += 200 * day;
  assert.deepEqual(await authority.obtain("apiserver", server), pair);
  now += 50 * day;
  const renewed = await authority.obtain("apiserver", server);
  assert.notEqual(renewed.cert, pair.cert);
  const wider = { ...server, hosts: [...(server.hosts ?? []), "capstan.example"] };
  const widened = await authority.obtain("apiserver", wider);
  assert.equal(new X509Certificate(widened.cert).checkHost("capstan.example"), "capstan.example");
  assert.deepEqual(await authority.obtain("apiserver", wider), widened);
});

test("a damaged certificate is replaced, a damaged authority is not", async (t) => {
  const at = await directory(t);
  const authority = await openAuthority({ directory: at });
  await authority.obtain("apiserver", server);
  for (const name of ["apiserver.crt", "apiserver.key"]) {
    await writeFile(join(at, name), "half a cer");
    assert.ok(new X509Certificate((await authority.obtain("apiserver", server)).cert));
  }
  await writeFile(join(at, "ca.crt"), "half a cer");
  await assert.rejects(openAuthority({ directory: at }), /ca.crt is damaged: restore it/);
});

test("a running process takes the renewed certificate", async (t) => {
  const authority = await openAuthority({ directory: await directory(t) });
  const pair = await authority.obtain("apiserver", { ...server, days: 0.001 });
  let now = renewalTime(pair.cert);
  const stop = new AbortController();
  const applied = await new Promise<string>((resolve) => {
    const apply = (fresh: { cert: string }) => {
      stop.abort();
      resolve(fresh.cert);
    };
    const certificates = [{ name: "apiserver", request: server, pair, apply }];
    createRenewal({ authority, certificates, log: silent, clock: () => now++ }).start(stop.signal);
  });
  assert.notEqual(applied, pair.cert);
});

test("an openssl certificate request is read and signed for less than it asks", { skip }, async (t) => {
  const at = await directory(t);
  const authority = await openAuthority({ directory: at });
  const config =
    "[req]\ndistinguished_name=dn\nreq_extensions=e\nprompt=no\n[dn]\nO=devs\nCN=jane\n[e]\nextendedKeyUsage=clientAuth\nsubjectAltName=DNS:x.example,IP:127.0.0.9\n";
  await writeFile(join(at, "csr.cnf"), config);
  const csr = execFileSync(
    "openssl",
    ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "jane.key", "-config", "csr.cnf"],
    { cwd: at, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  const asked = await authority.read(csr);
  assert.deepEqual(asked, {
    commonName: "jane",
    organizations: ["devs"],
    hosts: ["x.example", "127.0.0.9"],
    usages: ["client"],
  });
  const cert = new X509Certificate(await authority.sign(csr, { ...asked, hosts: [], days: 1 }));
  assert.equal(cert.subjectAltName, undefined);
  assert.ok(cert.verify(new X509Certificate(authority.cert).publicKey));
});

test("tokens are checked by signature, and a forged header or body is refused", async (t) => {
  const at = await directory(t);
  const signer = await openTokenSigner(at);
  const claims = { iss: "i", sub: "s", aud: ["a"], exp: 2, iat: 1, nbf: 1 };
  const token = signer.sign(claims);
  assert.deepEqual((await openTokenSigner(at)).verify(token), claims);
  const [head, , signature] = token.split(".");
  const body = Buffer.from(JSON.stringify({ ...claims, sub: "root" })).toString("base64url");
  assert.equal(signer.verify(`${head}.${body}.${signature}`), undefined);
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  assert.equal(signer.verify(`${none}.${body}.`), undefined);
  assert.equal(signer.verify("x"), undefined);
  assert.equal(signer.verify(`${token}.y`), undefined);
});
