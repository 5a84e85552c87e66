// What is written here, byte by byte, against what a library makes of the same template.
import assert from "node:assert/strict";
import { type KeyObject, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type CertificateTemplate, pathLengthOf, reissue, selfSign, signTemplate } from "./certificate.ts";
import { generateKey, signingAlgorithm, toCryptoKeys } from "./keys.ts";
import { library } from "./library.ts";
import { createSigningRequest, readSigningRequest } from "./request.ts";
import { readUsages } from "./usages.ts";

const base: CertificateTemplate = {
  subject: [
    ["C", "CN"],
    ["O", "x_y@ z"],
    ["OU", "中文"],
    ["2.5.4.5", "12-3"],
    ["E", "a@b.cd"],
    ["CN", "leaf.local"],
  ],
  names: [],
  notBefore: new Date("2026-01-02T03:04:05Z"),
  notAfter: new Date("2049-12-31T23:59:59Z"),
  usages: readUsages(["signing", "key encipherment", "server auth", "microsoft sgc"], "usages"),
  serial: "80a1b2c3",
};

const templates: Record<string, Partial<CertificateTemplate>> = {
  plain: {},
  "with names": {
    names: [
      { type: "dns", value: "*.leaf.local" },
      { type: "ip", value: "10.0.0.255" },
      { type: "ip", value: "fd00::1:0:a" },
      { type: "ip", value: "1:2:3:4:5:6:7:8" },
      { type: "email", value: "a@b.cd" },
      { type: "url", value: `https://x.yz/${"long/".repeat(40)}` },
    ],
  },
  "of an authority": { authority: { pathLength: 300 }, usages: readUsages(["cert sign", "crl sign"], "usages") },
  "of an authority above none": { authority: { pathLength: 0 }, usages: readUsages(["decipher only"], "usages") },
  "without usages": { usages: { key: 0, extended: [] }, authority: { pathLength: -1 } },
  "with addresses of others": {
    ocspUrl: "http://o.cd/",
    crlUrl: "http://c.de/",
    issuerUrls: ["http://i.jk", "http://l.m"],
  },
  "that lasts beyond 2049": { notAfter: new Date("2050-01-01T00:00:00Z"), serial: "00000f" },
};

/** Without its signature, which differs each time. */
async function bodyOf(pem: string): Promise<string> {
  const x509 = await library();
  const cert = new x509.X509Certificate(pem);
  assert.ok(await cert.verify({ publicKey: cert.publicKey, signatureOnly: true }));
  return Buffer.from((cert as unknown as { tbs: ArrayBuffer }).tbs).toString("hex");
}

async function byLibrary(template: CertificateTemplate, key: KeyObject): Promise<string> {
  const x509 = await library();
  const keys = toCryptoKeys(key);
  const { authority, usages, names, ocspUrl, issuerUrls = [], crlUrl } = template;
  const length = authority && authority.pathLength >= 0 ? authority.pathLength : undefined;
  const url = (value: string) => new x509.GeneralName("url", value);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: template.serial ?? "",
    name: template.subject.map(([attribute, value]) => ({ [attribute]: [value] })),
    keys,
    signingAlgorithm: signingAlgorithm(key),
    notBefore: template.notBefore,
    notAfter: template.notAfter,
    extensions: [
      ...(usages.key ? [new x509.KeyUsagesExtension(usages.key, true)] : []),
      ...(usages.extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(usages.extended)] : []),
      new x509.BasicConstraintsExtension(authority !== undefined, length, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ...(crlUrl ? [new x509.CRLDistributionPointsExtension([crlUrl])] : []),
      ...(ocspUrl
        ? [new x509.AuthorityInfoAccessExtension({ ocsp: url(ocspUrl), caIssuers: issuerUrls.map(url) })]
        : []),
    ],
  });
  return bodyOf(cert.toString("pem"));
}

for (const [what, more] of Object.entries(templates)) {
  test(`a certificate ${what} has the library's bytes`, async () => {
    const template = { ...base, ...more };
    const key = await generateKey({ algo: "ecdsa", size: 256 });
    assert.equal(await bodyOf(await selfSign(template, key)), await byLibrary(template, key));
  });
}

for (const [algo, size] of [
  ["rsa", 2048],
  ["rsa", 3072],
  ["ecdsa", 384],
  ["ecdsa", 521],
  ["ed25519", 256],
] as const) {
  test(`a certificate with a key of ${algo} ${size} has the library's bytes, and its request is read again`, async () => {
    const key = await generateKey({ algo, size });
    assert.equal(await bodyOf(await selfSign(base, key)), await byLibrary(base, key));
    const asked = { subject: base.subject, names: [{ type: "dns", value: "a.local" }] as const, usages: base.usages };
    const pem = await createSigningRequest({ ...asked, names: [...asked.names], authority: { pathLength: 2 } }, key);
    const { publicKey, ...read } = await readSigningRequest(pem);
    assert.deepEqual(read, { ...asked, authority: { pathLength: 2 } });
    assert.ok(publicKey.export({ format: "der", type: "spki" }).length > 0);
    const bare = await readSigningRequest(await createSigningRequest({ subject: base.subject, names: [] }, key));
    assert.deepEqual([bare.names, bare.authority], [[], undefined]);
  });
}

test("an IPv4 address within IPv6 keeps its bytes", async () => {
  const names = [{ type: "ip", value: "::ffff:10.1.2.3" }] as const;
  const cert = await selfSign({ ...base, names: [...names] }, await generateKey({ algo: "ecdsa", size: 256 }));
  assert.equal(new X509Certificate(cert).checkIP("::ffff:10.1.2.3"), "::ffff:10.1.2.3");
});

test("a request that another key has signed is refused", async () => {
  const key = await generateKey({ algo: "ecdsa", size: 256 });
  const pem = await createSigningRequest({ subject: base.subject, names: [] }, key);
  const bytes = Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ""), "base64");
  const at = bytes.indexOf("leaf.local");
  bytes[at] = "f".charCodeAt(0);
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  await assert.rejects(readSigningRequest(forged), /signature does not match its key/);
});

test("a certificate issued again keeps its subject, names and usages, under another key", async () => {
  const [top, key, fresh] = await Promise.all([1, 2, 3].map(() => generateKey({ algo: "ecdsa", size: 256 })));
  assert.ok(top && key && fresh);
  const authority = { authority: { pathLength: 1 }, usages: readUsages(["cert sign"], "usages") };
  const issuer = { cert: await selfSign({ ...base, ...authority }, top), key: top };
  assert.equal(pathLengthOf(issuer.cert), 1);
  const first = await signTemplate({ ...base, ...templates["with names"] }, key, issuer);
  const life = { notBefore: new Date("2027-01-01"), notAfter: new Date("2028-01-01") };
  const again = new X509Certificate(await reissue(first, fresh, issuer, life));
  const old = new X509Certificate(first);
  assert.deepEqual(
    [again.subject, again.subjectAltName, again.keyUsage],
    [old.subject, old.subjectAltName, old.keyUsage],
  );
  assert.equal(again.validToDate.getTime(), life.notAfter.getTime());
  assert.ok(again.checkPrivateKey(fresh) && again.verify(new X509Certificate(issuer.cert).publicKey));
  assert.ok(again.checkIssued(new X509Certificate(issuer.cert)));
  assert.notEqual(again.serialNumber, old.serialNumber);
});
