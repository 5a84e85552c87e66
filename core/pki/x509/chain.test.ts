import assert from "node:assert/strict";
import type { KeyObject, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type CertificateTemplate, selfSign, signTemplate } from "./certificate.ts";
import { expiryOf, findChain, orderChain, readCertificates } from "./chain.ts";
import { generateKey } from "./keys.ts";
import { readUsages } from "./usages.ts";

const now = Date.now();
const day = 86_400_000;
const key = () => generateKey({ algo: "ecdsa", size: 256 });

interface Made {
  cert: X509Certificate;
  pem: string;
  key: KeyObject;
}

interface Wanted extends Partial<Omit<CertificateTemplate, "authority">> {
  /** undefined: none. */
  authority?: CertificateTemplate["authority"] | undefined;
  days?: number;
  own?: KeyObject;
}

async function make(name: string, issuer: Made, { days = 100, own, ...more }: Wanted = {}): Promise<Made> {
  const mine = own ?? (await key());
  const pem = await signTemplate(templateOf(name, days, more), mine, { cert: issuer.pem, key: issuer.key });
  return { cert: readCertificates(pem, name)[0] as X509Certificate, pem, key: mine };
}

async function makeRoot(name = "root", more: Wanted = {}): Promise<Made> {
  const own = await key();
  const pem = await selfSign(templateOf(name, 1000, more), own);
  return { cert: readCertificates(pem, name)[0] as X509Certificate, pem, key: own };
}

/** Of an authority, unless told otherwise. */
function templateOf(name: string, days: number, more: Omit<Wanted, "days" | "own">): CertificateTemplate {
  const { authority, ...others } = { authority: { pathLength: -1 }, ...more };
  return {
    subject: [["CN", name]],
    names: [],
    notBefore: new Date(now - day),
    notAfter: new Date(now + days * day),
    usages: readUsages(["cert sign"], "usages"),
    ...(authority ? { authority } : {}),
    ...others,
  };
}

const makeLeaf = (issuer: Made, more: Wanted = {}) =>
  make("leaf", issuer, { usages: readUsages(["server auth"], "usages"), authority: undefined, ...more });

test("the shortest chain is found, and of two equal ones the one that lasts longest", async () => {
  const root = await makeRoot();
  const shared = await key();
  const short = await make("middle", root, { days: 10, own: shared });
  const long = await make("middle", root, { days: 90, own: shared });
  const detour = await make("middle", await make("other", root), { own: shared, days: 200 });
  const leaf = await makeLeaf(short, { days: 300 });
  const intermediates = [detour, short, long].map(({ cert }) => cert);
  const chain = await findChain(leaf.cert, { roots: [root.cert], intermediates });
  assert.deepEqual(chain, [leaf.cert, long.cert, root.cert]);
  assert.equal(expiryOf(chain), long.cert.validToDate.getTime());
});

test("authorities that sign one another end the search", async () => {
  const [a, b] = [await makeRoot("a"), await makeRoot("b")];
  const [ab, ba] = [await make("a", b, { own: a.key }), await make("b", a, { own: b.key })];
  const leaf = await makeLeaf(a);
  const root = await makeRoot();
  await assert.rejects(
    findChain(leaf.cert, { roots: [root.cert], intermediates: [ab.cert, ba.cert, a.cert, b.cert] }),
    /no chain leads from "CN=leaf" to a trusted root/,
  );
});

const refusals: [what: string, wanted: Wanted, words: RegExp][] = [
  ["that has expired", { notAfter: new Date(now - 1000) }, /"CN=middle" has expired on/],
  ["that is not valid yet", { notBefore: new Date(now + day) }, /"CN=middle" is not valid before/],
  ["that is none", { authority: undefined, usages: readUsages([], "usages") }, /"CN=middle" is no authority/],
  ["without the usage", { usages: readUsages(["crl sign"], "usages") }, /"CN=middle" lacks the usage "cert sign"/],
];
for (const [what, wanted, words] of refusals) {
  test(`an authority ${what} is in no chain`, async () => {
    const root = await makeRoot();
    const middle = await make("middle", root, wanted);
    const leaf = await makeLeaf(middle);
    await assert.rejects(findChain(leaf.cert, { roots: [root.cert], intermediates: [middle.cert] }), words);
  });
}

test("a path longer than an authority allows is refused", async () => {
  const root = await makeRoot("root", { authority: { pathLength: 0 } });
  const middle = await make("middle", root);
  const leaf = await makeLeaf(middle);
  await assert.rejects(
    findChain(leaf.cert, { roots: [root.cert], intermediates: [middle.cert] }),
    /"CN=root" allows 0 authorities below it, and there are 1/,
  );
  const direct = await makeLeaf(root);
  assert.equal((await findChain(direct.cert, { roots: [root.cert], intermediates: [] })).length, 2);
});

test("an authority of the same name with another key is refused, a missing one named", async () => {
  const [root, other] = [await makeRoot(), await makeRoot()];
  const leaf = await makeLeaf(root, { serial: "01" });
  await assert.rejects(
    findChain(leaf.cert, { roots: [other.cert], intermediates: [] }),
    /"CN=root" did not sign "CN=leaf"/,
  );
  await assert.rejects(findChain(leaf.cert, { roots: [], intermediates: [] }), /no certificate of "CN=root"/);
});

test("certificates are put leaf first, or are no chain", async () => {
  const root = await makeRoot();
  const middle = await make("middle", root);
  const leaf = await makeLeaf(middle);
  const chain = [leaf.cert, middle.cert, root.cert];
  assert.deepEqual(orderChain(chain.toReversed()), chain);
  assert.equal(orderChain([leaf.cert, root.cert]), undefined);
});

test("a text without certificates, or with a broken one, is named", async () => {
  const { pem } = await makeRoot();
  assert.equal(readCertificates(`some words\n${pem}\n${pem}`, "f.pem").length, 2);
  assert.throws(() => readCertificates("words", "f.pem"), /f.pem: there is no certificate in PEM in it/);
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert.throws(() => readCertificates(pem + broken, "f.pem"), /f.pem: certificate 2 does not parse/);
  assert.throws(() => readCertificates(broken.repeat(4097), "f.pem"), /more than certificateLimit \(4096\)/);
});
