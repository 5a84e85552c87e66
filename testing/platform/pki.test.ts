// The transcript of cfssl's own documentation, with capstan pki in its place and openssl as the judge.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { programsMissing } from "@capstan/testing/programs";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;
const skip = programsMissing("openssl");
let directory: string;

after(() => rmSync(directory, { recursive: true }));

function pki(line: string, input = "") {
  const args = [bin, "pki", ...line.split(" ").filter(Boolean)];
  return spawnSync(process.execPath, args, { cwd: directory, input, encoding: "utf8" });
}

function done(line: string, input?: string): string {
  const { status, stdout, stderr } = pki(line, input);
  assert.equal(status, 0, `${line}: ${stderr}`);
  return stdout;
}

const openssl = (line: string) =>
  execFileSync("openssl", line.split(" "), { cwd: directory, encoding: "utf8", stdio: "pipe" });
const write = (name: string, value: unknown) => writeFileSync(join(directory, name), JSON.stringify(value));

const config = {
  signing: {
    default: { expiry: "2540400h" },
    profiles: {
      www: { expiry: "2540400h", usages: ["signing", "key encipherment", "server auth"] },
      client: { expiry: "2540400h", usages: ["signing", "key encipherment", "client auth"] },
      middle: {
        expiry: "87600h",
        usages: ["cert sign", "crl sign"],
        ca_constraint: { is_ca: true, max_path_len_zero: true },
      },
    },
  },
};
const server = {
  CN: "docker-registry",
  hosts: ["docker-registry.k8s", "www.docker-registry.k8s"],
  key: { algo: "ecdsa", size: 256 },
  names: [{ C: "CN", ST: "SH", L: "Shanghai" }],
};
const www = "-ca=ca/ca.pem -ca-key=ca/ca-key.pem -config=ca/ca-config.json -profile=www";

function makeAuthority(): void {
  for (const name of ["ca", "server"]) mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, "ca/ca-csr.json"), done("print-defaults csr"));
  write("ca/ca-config.json", config);
  write("server/server.json", server);
  done("json -bare ca/ca -", done("gencert -initca ca/ca-csr.json"));
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-pki-"));
  if (skip) return;
  makeAuthority();
  done("json -bare server/server", done(`gencert ${www} server/server.json`));
});

test("an authority, a server's certificate, and what openssl says of them", { skip }, () => {
  assert.ok(JSON.parse(done("print-defaults config")).signing.profiles.www);
  assert.equal(openssl("verify -CAfile ca/ca.pem server/server.pem"), "server/server.pem: OK\n");
  const text = openssl("x509 -in server/server.pem -noout -text");
  assert.match(text, /Subject: C = CN, ST = SH, L = Shanghai, CN = docker-registry/);
  assert.match(text, /DNS:docker-registry.k8s, DNS:www.docker-registry.k8s/);
  assert.match(text, /TLS Web Server Authentication\n(?!.*Client)/);
  assert.equal(statSync(join(directory, "server/server-key.pem")).mode & 0o777, 0o600);
  assert.match(readFileSync(join(directory, "server/server-key.pem"), "utf8"), /^-----BEGIN EC PRIVATE KEY-----/);
  const info = JSON.parse(done("certinfo -cert server/server.pem"));
  assert.deepEqual(info.sans, server.hosts);
  assert.equal(info.issuer.common_name, "example.net");
  assert.equal(info.sigalg, "ECDSAWithSHA256");
  const secret = done(
    "secret docker-registry-tls-cert -cert server/server.pem -key server/server-key.pem -n docker-registry",
  );
  assert.match(secret, /type: kubernetes.io\/tls\nmetadata:\n {2}name: "docker-registry-tls-cert"\n {2}namespace/);
});

const kinds = [
  { algo: "rsa", size: 2048, pem: /BEGIN RSA PRIVATE KEY/ },
  { algo: "rsa", size: 3072, pem: /BEGIN RSA PRIVATE KEY/ },
  { algo: "ecdsa", size: 384, pem: /BEGIN EC PRIVATE KEY/ },
  { algo: "ecdsa", size: 521, pem: /BEGIN EC PRIVATE KEY/ },
  { algo: "ed25519", size: 256, pem: /BEGIN PRIVATE KEY/ },
];
for (const { algo, size, pem } of kinds) {
  test(`an authority and a leaf with ${algo} keys of ${size} bits`, { skip }, () => {
    const key = { algo, size };
    write("own.json", { CN: "own ca", key });
    done("json -bare own", done("gencert -initca own.json"));
    write("leaf.json", { CN: "leaf", hosts: ["10.0.0.1", "leaf.local", "a@b.cd"], key });
    const made = done("gencert -ca own.pem -ca-key own-key.pem leaf.json");
    assert.match(JSON.parse(made).key, pem);
    done("json -bare leaf", made);
    assert.equal(openssl("verify -CAfile own.pem leaf.pem"), "leaf.pem: OK\n");
    assert.match(openssl("req -in leaf.csr -noout -verify -text 2>&1".replace(" 2>&1", "")), /IP Address:10.0.0.1/);
  });
}

test("an intermediate authority signs leaves, and no further authority", { skip }, () => {
  write("middle.json", { CN: "middle", key: { algo: "ecdsa", size: 256 } });
  const root = "-ca ca/ca.pem -ca-key ca/ca-key.pem -config ca/ca-config.json";
  done("json -bare middle", done(`gencert ${root} -profile middle middle.json`));
  const below = "-ca middle.pem -ca-key middle-key.pem -config ca/ca-config.json";
  done("json -bare leaf", done(`gencert ${below} -profile www server/server.json`));
  assert.equal(openssl("verify -CAfile ca/ca.pem -untrusted middle.pem leaf.pem"), "leaf.pem: OK\n");
  assert.match(pki(`gencert ${below} -profile middle middle.json`).stderr, /its pathlen is 0/);
});

test("requests of openssl's are signed, and ours are read by it", { skip }, () => {
  openssl(
    "req -new -newkey rsa:2048 -nodes -keyout o.key -out o.csr -subj /O=devs/CN=jane -addext subjectAltName=DNS:jane.local",
  );
  const signed = JSON.parse(done(`sign ${www} o.csr`));
  writeFileSync(join(directory, "o.pem"), signed.cert);
  assert.equal(openssl("verify -CAfile ca/ca.pem o.pem"), "o.pem: OK\n");
  assert.match(
    openssl("x509 -in o.pem -noout -subject -ext subjectAltName"),
    /O = devs, CN = jane[\s\S]*DNS:jane.local/,
  );
  done("json -bare k", done("genkey server/server.json"));
  assert.match(openssl("req -in k.csr -noout -subject -verify"), /CN = docker-registry/);
  const again = done("gencsr -key k-key.pem server/server.json");
  assert.match(JSON.parse(again).csr, /BEGIN CERTIFICATE REQUEST/);
  const self = JSON.parse(pki("selfsign me.local server/server.json").stdout);
  writeFileSync(join(directory, "s.pem"), self.cert);
  assert.equal(openssl("verify -CAfile s.pem s.pem"), "s.pem: OK\n");
});

test("an encrypted key opens with its passphrase alone, from a file that nobody else can read", {
  skip: skip || programsMissing("setsid"),
}, () => {
  writeFileSync(join(directory, "pass"), "open sesame\n", { mode: 0o400 });
  writeFileSync(join(directory, "wrong"), "open barley\n", { mode: 0o400 });
  writeFileSync(join(directory, "shown"), "open sesame\n", { mode: 0o644 });
  done("json -bare -encrypt -passphrase-file pass safe", done("gencert -initca ca/ca-csr.json"));
  assert.match(readFileSync(join(directory, "safe-key.pem"), "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  assert.match(openssl("pkey -in safe-key.pem -passin file:pass -noout -text"), /256 bit/);
  const use = "gencert -ca safe.pem -ca-key safe-key.pem server/server.json";
  assert.ok(JSON.parse(done(`${use} -passphrase-file pass`)).cert);
  assert.match(pki(`${use} -passphrase-file wrong`).stderr, /safe-key.pem: the passphrase does not open the key/);
  assert.match(pki(`${use} -passphrase-file shown`).stderr, /shown: its mode is 644, and must be 400/);
  // In a session of its own it has no terminal, wherever this test runs.
  const alone = spawnSync("setsid", ["-w", process.execPath, bin, "pki", ...use.split(" ")], {
    cwd: directory,
    input: "",
    encoding: "utf8",
  });
  assert.match(alone.stderr, /there is no terminal to ask at: use -passphrase-file FILE/);
});

const wrong: [what: string, line: string, words: RegExp, file?: unknown][] = [
  [
    "a key's size",
    "genkey x.json",
    /x.json.key.size: an RSA key has 2048 to 4096 bits, not 1024/,
    { key: { algo: "rsa", size: 1024 } },
  ],
  [
    "an algorithm",
    "genkey x.json",
    /x.json.key.algo: "dsa" is none of rsa, ecdsa, ed25519/,
    { key: { algo: "dsa", size: 256 } },
  ],
  ["a host", "genkey x.json", /x.json.hosts\[1\]: "a b" is no DNS name/, { hosts: ["a", "a b"] }],
  ["a country", "genkey x.json", /x.json.names\[0\].C: "China" is no country/, { names: [{ C: "China" }] }],
  ["an unknown field", "genkey x.json", /x.json.request: is not supported; known are CN, hosts/, { request: 1 }],
  ["a profile", `gencert ${www}w server/server.json`, /there is no "wwww"; do you mean "www"\?/],
  [
    "a usage",
    "gencert -ca ca/ca.pem -ca-key ca/ca-key.pem -config x.json server/server.json",
    /usages: "server aut" is no usage; do you mean "server auth"/,
    { signing: { default: { usages: ["server aut"] } } },
  ],
  [
    "a duration",
    "gencert -ca ca/ca.pem -ca-key ca/ca-key.pem -config x.json server/server.json",
    /expiry: "1y" is no duration/,
    { signing: { default: { expiry: "1y" } } },
  ],
  [
    "a remote signer",
    "gencert -ca ca/ca.pem -ca-key ca/ca-key.pem -config x.json server/server.json",
    /signing.default.auth_key: is not supported/,
    { signing: { default: { auth_key: "k" } } },
  ],
  [
    "a leaf that signs",
    "gencert -ca server/server.pem -ca-key server/server-key.pem server/server.json",
    /is no authority/,
  ],
  [
    "a key of another",
    "gencert -ca ca/ca.pem -ca-key server/server-key.pem server/server.json",
    /the authority's key is not that of its certificate/,
  ],
  [
    "a file that is no key",
    "gencert -ca ca/ca.pem -ca-key ca/ca.pem server/server.json",
    /ca\/ca.pem: this is no private key in PEM/,
  ],
  ["a flag", "gencert -initcaa server/server.json", /gencert has no flag -initcaa; do you mean -initca\?/],
  ["a sub-command", "gencrt", /there is no "gencrt"; do you mean "gencert"\?/],
];
for (const [what, line, words, file] of wrong) {
  test(`${what} that is wrong is named`, { skip }, () => {
    if (file) write("x.json", file);
    const { status, stderr } = pki(line);
    assert.notEqual(status, 0);
    assert.match(stderr, words);
  });
}

test("an authority that has expired signs nothing", { skip }, () => {
  write("old.json", { CN: "old", ca: { expiry: "1s", backdate: "1h" } });
  done("json -bare old", done("gencert -initca old.json"));
  assert.match(
    pki("gencert -ca old.pem -ca-key old-key.pem server/server.json").stderr,
    /the authority has expired on/,
  );
});

test("a revoked certificate is on the list, and the responder says so at once", { skip }, async () => {
  const signer = { ...config.signing.profiles.www, usages: ["digital signature", "ocsp signing"] };
  write("ocsp-config.json", { signing: { default: signer } });
  write("ocsp.json", { CN: "ocsp", key: { algo: "rsa", size: 2048 } });
  done("json -bare ocsp", done("gencert -ca ca/ca.pem -ca-key ca/ca-key.pem -config ocsp-config.json ocsp.json"));
  done("json -bare gone", done(`gencert ${www} server/server.json`));
  const responder = "-ca ca/ca.pem -responder ocsp.pem -responder-key ocsp-key.pem";
  const args = [bin, "pki", ...`ocspserve -db revoked.jsonl -port 0 ${responder}`.split(" ")];
  const child = spawn(process.execPath, args, { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const url = /http:\S+/.exec(line.toString())?.[0] ?? "";
    const ask = (file: string) =>
      promisify(execFile)(
        "openssl",
        ["ocsp", "-issuer", "ca/ca.pem", "-cert", file, "-url", url, "-CAfile", "ca/ca.pem"],
        { cwd: directory },
      );
    const before = await ask("gone.pem");
    assert.match(before.stdout, /gone.pem: good/);
    assert.match(before.stderr, /Response verify OK/);
    assert.match(pki("revoke -db revoked.jsonl -cert gone.pem -reason keycompromise").stderr, /is revoked/);
    assert.match(pki("revoke -db revoked.jsonl -cert gone.pem").stderr, /was revoked before/);
    const after = await ask("gone.pem");
    assert.match(after.stdout, /gone.pem: revoked[\s\S]*Reason: keyCompromise/);
    assert.match((await ask("server/server.pem")).stdout, /server.pem: good/);
    const hostile = await fetch(url, { method: "POST", body: "no question" });
    assert.equal(Buffer.from(await hostile.arrayBuffer()).toString("hex"), "30030a0101");
    assert.equal((await fetch(url, { method: "POST", body: "x".repeat(70_000) })).status, 400);
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  const list = Buffer.from(done("crl -db revoked.jsonl -ca ca/ca.pem -ca-key ca/ca-key.pem"), "base64");
  writeFileSync(join(directory, "list.der"), list);
  openssl("crl -inform DER -in list.der -out list.pem -CAfile ca/ca.pem -verify");
  assert.equal(
    openssl("verify -crl_check -CRLfile list.pem -CAfile ca/ca.pem server/server.pem"),
    "server/server.pem: OK\n",
  );
  assert.throws(() => openssl("verify -crl_check -CRLfile list.pem -CAfile ca/ca.pem gone.pem"), /certificate revoked/);
  const stapled = JSON.parse(done(`ocspsign ${responder} -cert gone.pem -status revoked -reason superseded`));
  writeFileSync(join(directory, "staple.der"), Buffer.from(stapled.ocspResponse, "base64"));
  const said = openssl("ocsp -respin staple.der -issuer ca/ca.pem -cert gone.pem -CAfile ca/ca.pem");
  assert.match(said, /gone.pem: revoked[\s\S]*Reason: superseded/);
  assert.match(pki("revoke -db revoked.jsonl -cert gone.pem -reason supersded").stderr, /do you mean superseded/);
  assert.match(
    pki(`ocspsign -ca ca/ca.pem -responder server/server.pem -responder-key server/server-key.pem -cert gone.pem`)
      .stderr,
    /neither the authority nor signed by it/,
  );
  writeFileSync(join(directory, "revoked.jsonl"), "damaged\n");
  assert.match(
    pki("crl -db revoked.jsonl -ca ca/ca.pem -ca-key ca/ca-key.pem").stderr,
    /revoked.jsonl: line 1 is no revocation/,
  );
});
