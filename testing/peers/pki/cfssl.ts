// cfssl reads what capstan pki writes, and the other way round; from the same files both make the same.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { openDesk, peers } from "./programs.ts";

const desk = openDesk("cfssl");
const openssl = (line: string) => desk.done("openssl", line);

/** Both programs under one face. */
const ours = {
  name: "capstan",
  act: (line: string, input?: string) => desk.capstan(`pki ${line}`, input),
  write: (name: string, made: string) => desk.capstan(`pki json -bare ${name}`, made),
};
const theirs = {
  name: "cfssl",
  act: (line: string, input?: string) => desk.done(join(peers, "cfssl"), line, input),
  write: (name: string, made: string) => desk.done(join(peers, "cfssljson"), `-bare ${name}`, made),
};
const both = [ours, theirs];

const kinds = [
  { algo: "rsa", size: 2048 },
  { algo: "rsa", size: 3072 },
  { algo: "ecdsa", size: 256 },
  { algo: "ecdsa", size: 384 },
  { algo: "ecdsa", size: 521 },
  { algo: "ed25519", size: 0 },
];
const names = [{ C: "CN", ST: "SH", L: "Shanghai", O: "x", OU: "y" }];
const profiles = {
  www: {
    expiry: "8760h",
    usages: ["signing", "key encipherment", "server auth", "client auth"],
    ocsp_url: "http://ocsp.local/",
    crl_url: "http://crl.local/list",
    issuer_urls: ["http://ca.local/ca.der"],
  },
  middle: {
    expiry: "8760h",
    usages: ["cert sign", "crl sign"],
    ca_constraint: { is_ca: true, max_path_len: 0, max_path_len_zero: true },
  },
  far: { expiry: "8760h", usages: ["cert sign"], ca_constraint: { is_ca: true, max_path_len: 3 } },
};

before(() => {
  desk.write("config.json", { signing: { default: { expiry: "168h" }, profiles } });
  desk.write("ca.json", { CN: "root", names, hosts: ["root.local", "10.0.0.2"], key: { algo: "ecdsa", size: 256 } });
  desk.write("leaf.json", {
    CN: "leaf.local",
    names,
    hosts: ["leaf.local", "*.leaf.local", "10.0.0.1", "fd00::1", "a@b.cd", "spiffe://leaf/x"],
    key: { algo: "ecdsa", size: 256 },
  });
  for (const { name, act, write } of both) write(name, act("gencert -initca ca.json"));
});

const by = (ca: string, profile: string) =>
  `-ca=${ca}.pem -ca-key=${ca}-key.pem -config=config.json -profile=${profile}`;

/** Extensions by their headings, and the subject: what is no accident of the moment. */
function extensions(file: string, command: "x509" | "req" = "x509"): Record<string, string> {
  const text = openssl(`${command} -in ${file} -noout -text`);
  const parts: Record<string, string> = { subject: /Subject: (.*)/.exec(text)?.[1] ?? "" };
  const [, body = ""] = /(?:X509v3 extensions|Requested Extensions):\n([\s\S]*?)\n {4}Signature/.exec(text) ?? [];
  let heading = "";
  for (const row of body.split("\n")) {
    const [, title] = /^ {12,16}(\S.*?): ?(?:critical)?\s*$/.exec(row) ?? [];
    if (title && /X509v3|Information Access/.test(title)) heading = row.trim();
    else parts[heading] = `${parts[heading] ?? ""}${row.trim()}\n`;
  }
  const names = parts["X509v3 Subject Alternative Name:"];
  // Their order means nothing.
  if (names) parts["X509v3 Subject Alternative Name:"] = names.trim().split(", ").toSorted().join(", ");
  return parts;
}

test("what print-defaults prints says the same", () => {
  for (const what of ["config", "csr"]) {
    assert.deepEqual(JSON.parse(ours.act(`print-defaults ${what}`)), JSON.parse(theirs.act(`print-defaults ${what}`)));
  }
});

for (const [issuer, signer] of [
  [ours, theirs],
  [theirs, ours],
] as const) {
  for (const { algo, size } of kinds) {
    test(`${signer.name} signs with an authority of ${issuer.name}'s: ${algo} ${size || ""}`, () => {
      desk.write("top.json", { CN: "top", names, key: { algo, size } });
      desk.write("below.json", { CN: "below", hosts: ["below.local"], key: { algo, size } });
      issuer.write("top", issuer.act("gencert -initca top.json"));
      signer.write("below", signer.act(`gencert ${by("top", "www")} below.json`));
      assert.equal(openssl("verify -CAfile top.pem below.pem"), "below.pem: OK\n");
      for (const file of ["top", "below"]) {
        const line = `certinfo -cert ${file}.pem`;
        assert.deepEqual(JSON.parse(ours.act(line)), JSON.parse(theirs.act(line)));
      }
    });
  }
}

for (const profile of ["www", "middle", "far", "none"]) {
  test(`the same request signed by both says the same: profile ${profile}`, () => {
    theirs.write("asked", theirs.act("genkey leaf.json"));
    for (const { name, act, write } of both) {
      const how = profile === "none" ? "-ca capstan.pem -ca-key capstan-key.pem" : by("capstan", profile);
      write(`${name}-signed`, act(`sign ${how} asked.csr`));
    }
    const [mine, peer] = [extensions("capstan-signed.pem"), extensions("cfssl-signed.pem")];
    assert.ok(Object.keys(mine).length > 4);
    assert.deepEqual(mine, peer);
  });
}

test("-hostname and a file for the subject count the same", () => {
  desk.write("subject.json", { CN: "another", names: [{ O: "else" }] });
  theirs.write("asked", theirs.act("genkey leaf.json"));
  for (const { name, act, write } of both) {
    write(`${name}-named`, act(`sign ${by("capstan", "www")} -hostname=h.local,127.0.0.1 asked.csr subject.json`));
  }
  assert.deepEqual(extensions("capstan-named.pem"), extensions("cfssl-named.pem"));
});

test("requests say the same, and each signs the other's", () => {
  for (const { name, act, write } of both) write(`${name}-asked`, act("genkey leaf.json"));
  assert.deepEqual(extensions("capstan-asked.csr", "req"), extensions("cfssl-asked.csr", "req"));
  const [forUs, forThem] = [by("capstan", "www"), by("cfssl", "www")];
  ours.write("one", ours.act(`sign ${forUs} cfssl-asked.csr`));
  theirs.write("two", theirs.act(`sign ${forThem} capstan-asked.csr`));
  assert.equal(openssl("verify -CAfile capstan.pem one.pem"), "one.pem: OK\n");
  assert.equal(openssl("verify -CAfile cfssl.pem two.pem"), "two.pem: OK\n");
});

test("roots say the same", () => {
  const [mine, peer] = [extensions("capstan.pem"), extensions("cfssl.pem")];
  const identifier = "X509v3 Subject Key Identifier:";
  assert.deepEqual({ ...mine, [identifier]: "" }, { ...peer, [identifier]: "" });
});

test("bundles are equal in all but what old platforms think of them", () => {
  ours.write("middle", ours.act(`gencert ${by("capstan", "middle")} -cn middle ca.json`));
  theirs.write("leaf", theirs.act(`gencert ${by("middle", "www")} leaf.json`));
  desk.write("chain.pem", desk.read("leaf.pem") + desk.read("middle.pem"));
  desk.write("turned.pem", desk.read("middle.pem") + desk.read("leaf.pem"));
  const lines = [
    "-cert leaf.pem -key leaf-key.pem -ca-bundle capstan.pem -int-bundle middle.pem",
    "-cert chain.pem -ca-bundle capstan.pem",
    "-cert turned.pem -ca-bundle capstan.pem -flavor optimal",
    "-cert chain.pem -flavor force",
    "-cert middle.pem -ca-bundle capstan.pem",
  ];
  for (const line of lines) {
    const [mine, peer] = both.map(({ act }) => JSON.parse(act(`bundle ${line}`)));
    assert.equal(mine.status.rebundled, peer.status.rebundled, line);
    const sorted = (made: { hostnames: string[] }) => ({ ...made, hostnames: made.hostnames.toSorted(), status: 0 });
    assert.deepEqual(sorted(mine), sorted(peer), line);
  }
});

test("answers and lists of both are read by openssl alike", () => {
  ours.write("leaf", ours.act(`gencert ${by("capstan", "www")} leaf.json`));
  const { serial_number: serial } = JSON.parse(ours.act("certinfo -cert leaf.pem"));
  desk.write("serials", `${serial}\n`);
  const responder = "-ca capstan.pem -responder capstan.pem -responder-key capstan-key.pem";
  for (const { name, act } of both) {
    desk.write("list.der", Buffer.from(act("gencrl serials capstan.pem capstan-key.pem 3600"), "base64"));
    openssl("crl -inform DER -in list.der -out list.pem -CAfile capstan.pem -verify");
    const checked = desk.run("openssl", "verify -crl_check -CRLfile list.pem -CAfile capstan.pem leaf.pem");
    assert.match(checked.stderr, /certificate revoked/, name);
    const made = JSON.parse(act(`ocspsign ${responder} -cert leaf.pem -status good`));
    desk.write("answer.der", Buffer.from(made.ocspResponse, "base64"));
    const said = openssl("ocsp -respin answer.der -issuer capstan.pem -cert leaf.pem -CAfile capstan.pem");
    assert.match(said, /leaf.pem: good/, name);
  }
});
