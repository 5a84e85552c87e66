import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { AlternativeName } from "../x509/index.ts";
import { readCsrConfig } from "./csr-config.ts";
import { createAuthority, createKeyAndRequest, signRequest } from "./issue.ts";
import { defaultProfile } from "./signing-config.ts";

const config = (value: object) => readCsrConfig(JSON.stringify(value), "request");
const names = [{ C: "CN", L: "Shanghai", O: "x", OU: "y" }];

async function makeIssuer() {
  const { cert, key } = await createAuthority(config({ CN: "root", hosts: ["root.local", "10.0.0.1"] }));
  return { cert, key };
}

test("a subject of one's own replaces what it names; of the rest the request's stays, in the usual order", async () => {
  const { csr } = await createKeyAndRequest(config({ CN: "asked", names }));
  const { subject } = config({ CN: "given", names: [{ O: "else" }] });
  const cert = new X509Certificate(await signRequest(await makeIssuer(), csr, { profile: defaultProfile, subject }));
  assert.equal(cert.subject, "C=CN\nL=Shanghai\nO=else\nOU=y\nCN=given");
});

test("names given take the place of the request's", async () => {
  const { csr } = await createKeyAndRequest(config({ CN: "asked", hosts: ["a.local"] }));
  const own: AlternativeName[] = [{ type: "dns", value: "b.local" }];
  const cert = new X509Certificate(await signRequest(await makeIssuer(), csr, { profile: defaultProfile, names: own }));
  assert.equal(cert.subjectAltName, "DNS:b.local");
});

test("authorities keep no names but addresses", async () => {
  const issuer = await makeIssuer();
  assert.equal(new X509Certificate(issuer.cert).subjectAltName, "IP Address:10.0.0.1");
  const { csr } = await createKeyAndRequest(config({ CN: "middle", hosts: ["middle.local"] }));
  const profile = { ...defaultProfile, authority: { pathLength: 0 } };
  assert.equal(new X509Certificate(await signRequest(issuer, csr, { profile })).subjectAltName, undefined);
});
