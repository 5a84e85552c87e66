// Bundles, and the trust stores of this machine: in a mount namespace of their own, so that the machine's stay as they are.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { programsMissing } from "@capstan/testing/programs";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;
const skip = programsMissing("openssl");
const skipStores =
  programsMissing("openssl", "unshare", "update-ca-certificates", "certutil") ||
  (process.getuid?.() !== 0 && "mounts need root");
let directory: string;

function pki(line: string, input = "") {
  return spawnSync(process.execPath, [bin, "pki", ...line.split(" ")], { cwd: directory, input, encoding: "utf8" });
}

function done(line: string, input?: string): string {
  const { status, stdout, stderr } = pki(line, input);
  assert.equal(status, 0, `${line}: ${stderr}`);
  return stdout;
}

const openssl = (line: string) =>
  execFileSync("openssl", line.split(" "), { cwd: directory, encoding: "utf8", stdio: "pipe" });
const write = (name: string, value: unknown) => writeFileSync(join(directory, name), JSON.stringify(value));
const read = (name: string) => readFileSync(join(directory, name), "utf8").trim();

before(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-trust-"));
  const key = { algo: "ecdsa", size: 256 };
  write("ca.json", { CN: "Root of trust", key });
  write("leaf.json", { CN: "leaf.local", hosts: ["leaf.local", "b.local"], key, names: [{ C: "CN", O: "x" }] });
  const is_ca = { is_ca: true, max_path_len_zero: true };
  const middle = { expiry: "87600h", usages: ["cert sign", "crl sign"], ca_constraint: is_ca };
  const www = { expiry: "200h", usages: ["signing", "server auth"], ocsp_url: "http://ocsp.local/" };
  write("config.json", { signing: { default: { expiry: "1h" }, profiles: { middle, www } } });
  done("json -bare ca", done("gencert -initca ca.json"));
  const by = (ca: string) => `gencert -ca ${ca}.pem -ca-key ${ca}-key.pem -config config.json -profile`;
  done("json -bare middle", done(`${by("ca")} middle ca.json -cn Middle`));
  done("json -bare leaf", done(`${by("middle")} www leaf.json`));
});
after(() => rmSync(directory, { recursive: true }));

test("a bundle holds what stands between a certificate and its root", { skip }, () => {
  const all = "-cert leaf.pem -key leaf-key.pem -ca-bundle ca.pem -int-bundle middle.pem";
  const made = JSON.parse(done(`bundle ${all}`));
  assert.equal(made.bundle, `${read("leaf.pem")}\n${read("middle.pem")}`);
  assert.equal(made.root, read("ca.pem"));
  assert.equal(made.key, read("leaf-key.pem"));
  assert.deepEqual(made.hostnames, ["leaf.local", "b.local"]);
  assert.equal(made.subject, "/Country=CN/Organization=x/CommonName=leaf.local");
  assert.deepEqual([made.key_type, made.ocsp, made.crl_support], ["256-bit ECDSA", ["http://ocsp.local/"], false]);
  assert.match(made.status.messages[0], /within 30 days. The expiring cert is #1 in the chain/);
  writeFileSync(join(directory, "whole.pem"), made.bundle);
  assert.equal(openssl("verify -CAfile ca.pem -untrusted whole.pem leaf.pem"), "leaf.pem: OK\n");
  const forced = JSON.parse(done("bundle -flavor force -cert whole.pem"));
  assert.deepEqual([forced.bundle, forced.root, forced.status.rebundled], [made.bundle, "", false]);
});

test("authorities that lack are fetched from where a certificate says they are", { skip }, async () => {
  const middle = new X509Certificate(read("middle.pem")).raw;
  const server = createServer((request, response) => {
    if (request.url === "/middle") response.end(middle);
    else if (request.url === "/large") response.end(Buffer.alloc(70_000));
    else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const issue = (name: string, ...paths: string[]) => {
      const urls = paths.map((path) => `${at}/${path}`);
      write("far.json", { signing: { default: { expiry: "1h", usages: ["server auth"], issuer_urls: urls } } });
      done(`json -bare ${name}`, done("gencert -ca middle.pem -ca-key middle-key.pem -config far.json leaf.json"));
    };
    issue("far", "large", "none", "middle");
    issue("lost", "none");
    const ask = (name: string) => {
      const args = [bin, "pki", "bundle", "-cert", `${name}.pem`, "-ca-bundle", "ca.pem"];
      return promisify(execFile)(process.execPath, args, { cwd: directory });
    };
    const { stdout, stderr } = await ask("far");
    assert.equal(JSON.parse(stdout).bundle, `${read("far.pem")}\n${read("middle.pem")}`);
    assert.match(stderr, /large: it answers with more than answerLimit \(65536 bytes\)/);
    assert.match(stderr, /none: it answers with status 404/);
    await assert.rejects(ask("lost"), /there is no certificate of "CN=Middle"/);
  } finally {
    server.close();
  }
});

const wrong: [what: string, line: string, words: RegExp][] = [
  ["a missing authority", "-cert leaf.pem -ca-bundle ca.pem", /there is no certificate of "CN=Middle"/],
  ["another's key", "-cert leaf.pem -ca-bundle ca.pem -key ca-key.pem", /ca-key.pem: the key is not that of/],
  ["a root", "-cert ca.pem -ca-bundle ca.pem", /self-signed/],
  ["a flavor", "-cert leaf.pem -flavor sweet", /-flavor is one of ubiquitous, optimal, force, not "sweet"/],
  ["nothing", "-ca-bundle ca.pem", /bundle takes -cert FILE or -domain/],
];
for (const [what, line, words] of wrong) {
  test(`a bundle of ${what} is refused`, { skip }, () => assert.match(pki(`bundle ${line}`).stderr, words));
}

test("the version is the program's, and names what runs it", () => {
  assert.match(done("version"), /^Version: \d+\.\d+\.\d+\nRuntime: Node v\d+/);
});

/** Runs lines of shell where the machine's trust stores are empty directories of this test's. */
function inOwnStores(lines: string[]) {
  const places: Record<string, string> = {
    "/usr/local/share/ca-certificates": "local",
    "/etc/ssl/certs": "certs",
  };
  for (const name of [...Object.values(places), "home"]) mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, "none.conf"), "# none\n");
  const mounts = Object.entries(places).map(([place, name]) => `mount --bind ${join(directory, name)} ${place}`);
  const conf = `mount --bind ${join(directory, "none.conf")} /etc/ca-certificates.conf`;
  const script = ["set -e", ...mounts, conf, `pki() { "${process.execPath}" "${bin}" pki "$@"; }`, ...lines].join("\n");
  const env = { ...process.env, HOME: join(directory, "home") };
  return spawnSync("unshare", ["-m", "sh", "-c", script], { cwd: directory, encoding: "utf8", env });
}

test("an authority is trusted after its installation, and no longer after its removal", { skip: skipStores }, () => {
  const check = "openssl verify -CApath /etc/ssl/certs -untrusted middle.pem leaf.pem";
  const { stdout, stderr, status } = inOwnStores([
    "pki trust install ca.pem -nss home/nss -dry-run",
    'test -z "$(ls /usr/local/share/ca-certificates)" && test ! -e home/nss',
    "pki trust install ca.pem -nss home/nss",
    check,
    "certutil -L -d sql:home/nss",
    "pki trust install ca.pem -nss home/nss",
    "pki trust install middle.pem -name root-of-trust -nss home/nss 2>&1 || true",
    "pki trust remove middle.pem -name root-of-trust -nss-only -nss home/nss 2>&1 || true",
    "pki trust remove ca.pem -nss home/nss",
    `! ${check}`,
    "pki trust remove ca.pem -nss home/nss",
    "certutil -L -d sql:home/nss | grep -c root-of-trust || true",
  ]);
  assert.equal(status, 0, `${stdout}${stderr}`);
  const file = "/usr/local/share/ca-certificates/root-of-trust.crt";
  const told = [
    `would write ${file}\nwould run update-ca-certificates\nwould make an NSS database in home/nss\n`,
    `write ${file}\nrun update-ca-certificates\nmake an NSS database in home/nss\nadd root-of-trust to home/nss\n`,
    "leaf.pem: OK\n",
    /root-of-trust +C,,/.exec(stdout)?.[0] ?? "no such row",
    `${file} is there already\nrun update-ca-certificates\nroot-of-trust is in home/nss already\n`,
    `${file} is another authority: choose a -name of its own`,
    "root-of-trust in home/nss is another authority: name its own file",
    `remove ${file}\nrun update-ca-certificates\nremove root-of-trust from home/nss\n`,
    `${file} is not there\nroot-of-trust is not in home/nss\n0\n`,
  ];
  let from = 0;
  for (const words of told) {
    const at = stdout.indexOf(words, from);
    assert.ok(at >= 0, `"${words}" is not in\n${stdout.slice(from)}\n${stderr}`);
    from = at + words.length;
  }
});

test("what is no authority, or a list of several, or has no plain name is not trusted", { skip }, () => {
  writeFileSync(join(directory, "two.pem"), `${read("ca.pem")}\n${read("middle.pem")}\n`);
  assert.match(pki("trust install leaf.pem -dry-run").stderr, /leaf.pem: it is no authority/);
  assert.match(pki("trust install two.pem -dry-run").stderr, /two.pem: it holds 2 certificates/);
  assert.match(pki("trust install ca.pem -name ../x -dry-run").stderr, /-name takes letters, digits/);
  assert.match(pki("trust add ca.pem").stderr, /"add" is neither install nor remove/);
});
