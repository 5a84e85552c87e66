import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import { CertificateSigningRequests } from "@capstan/api/generated/resources";
import { openAuthority } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { programsMissing } from "@capstan/testing/programs";
import { createCertificateSigner } from "./index.ts";
import { certificateFor } from "./signer.ts";

const skip = programsMissing("openssl");

test("an approved request becomes a certificate, one beyond its signer fails with the reason", { skip }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "capstan-csr-"));
  t.after(() => rm(directory, { recursive: true }));
  const authority = await openAuthority({ directory });
  await using cluster = await TestCluster.start({ parts: (own) => createCertificateSigner({ ...own, authority }) });
  const { client } = cluster;
  const ask = async (name: string, subject: string) => {
    const args = [
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "key",
      "-subj",
      subject,
    ];
    const csr = execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "pipe", "ignore"] });
    const spec = {
      request: csr.toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
      expirationSeconds: 3600,
    };
    const created = await client.create(CertificateSigningRequests, { metadata: { name }, spec });
    const conditions = [{ type: "Approved", status: "True", reason: "Test" }];
    await client.update(
      CertificateSigningRequests,
      { ...created, status: { conditions } } as CertificateSigningRequest,
      { subresource: "approval" },
    );
    const done = (request: CertificateSigningRequest | undefined) =>
      Boolean(request?.status?.certificate) || request?.status?.conditions?.length === 2;
    return (await cluster.until(CertificateSigningRequests, { name }, done))?.status;
  };
  const good = await ask("jane", "/O=devs/CN=jane");
  const certificate = new X509Certificate(Buffer.from(good?.certificate ?? "", "base64"));
  assert.ok(certificate.verify(new X509Certificate(authority.cert).publicKey));
  assert.equal(certificate.subject, "O=devs\nCN=jane");
  assert.ok(certificate.validToDate.getTime() < Date.now() + 3_700_000);
  const bad = await ask("root", "/O=system:masters/CN=root");
  assert.equal(bad?.certificate, undefined);
  assert.match(bad?.conditions?.[1]?.message ?? "", /system:masters/);
});

test("each signer has its rules", () => {
  const refusal = (signerName: string, usages: string[], request: object) => {
    const result = certificateFor(
      { commonName: "x", usages: [], ...request },
      { signerName: `kubernetes.io/${signerName}`, usages },
    );
    return "refused" in result ? result.refused : undefined;
  };
  const node = { commonName: "system:node:n", organizations: ["system:nodes"] };
  assert.equal(refusal("kube-apiserver-client-kubelet", ["client auth"], node), undefined);
  assert.match(
    refusal("kube-apiserver-client-kubelet", ["client auth"], { ...node, hosts: ["n"] }) ?? "",
    /not allowed/,
  );
  assert.match(refusal("kube-apiserver-client-kubelet", ["client auth"], {}) ?? "", /organization/);
  assert.match(refusal("kubelet-serving", ["server auth"], node) ?? "", /needed/);
  assert.equal(refusal("kubelet-serving", ["server auth"], { ...node, hosts: ["n"] }), undefined);
  for (const foreign of ["a@b.example", "spiffe://x/y"]) {
    const hosts = ["n", foreign];
    assert.match(refusal("kubelet-serving", ["server auth"], { ...node, hosts }) ?? "", /e-mail addresses and URIs/);
    assert.match(refusal("kube-apiserver-client-kubelet", ["client auth"], { ...node, hosts }) ?? "", /not allowed/);
  }
  assert.match(refusal("kubelet-serving", ["client auth"], node) ?? "", /not one of this signer/);
  assert.match(refusal("kube-apiserver-client", ["digital signature"], {}) ?? "", /"client auth" is missing/);
});
