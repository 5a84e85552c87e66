// The certificates of a control plane as kubeadm lays them out: checked, renewed, and judged by openssl.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, test } from "node:test";
import { formatKey, generateKey, readUsages, selfSign, signTemplate } from "@capstan/core/pki/x509";
import { formatKubeconfig } from "@capstan/core/wire";
import { programsMissing } from "@capstan/testing/programs";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;
const skip = programsMissing("openssl");
const day = 86_400_000;
let directory: string;

beforeEach(async (t) => {
  if (skip) return;
  directory = mkdtempSync(join(tmpdir(), "capstan-certs-"));
  (t as { after(act: () => void): void }).after(() => rmSync(directory, { recursive: true, force: true }));
  await layOut(20);
});

function certs(...args: string[]) {
  return spawnSync(process.execPath, [bin, "certs", ...args, "--dir", directory], { encoding: "utf8" });
}

const at = (path: string) => join(directory, path);
const read = (path: string) => readFileSync(at(path), "utf8");
const openssl = (...args: string[]) =>
  execFileSync("openssl", args, { cwd: directory, encoding: "utf8", stdio: "pipe" });

function write(path: string, text: string, mode: number): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text, { mode });
}

/** As kubeadm does: RSA keys of 2048 bits, certificates of a year, of which so many days are left. */
async function layOut(left: number): Promise<void> {
  const times = {
    notBefore: new Date(Date.now() - (365 - left) * day),
    notAfter: new Date(Date.now() + left * day + 60_000),
  };
  const tops: Record<string, { cert: string; key: Awaited<ReturnType<typeof generateKey>> }> = {};
  const [topKey, leafKey] = [
    await generateKey({ algo: "rsa", size: 2048 }),
    await generateKey({ algo: "rsa", size: 2048 }),
  ];
  for (const [path, name] of [
    ["pki/ca", "kubernetes"],
    ["pki/etcd/ca", "etcd-ca"],
    ["pki/front-proxy-ca", "front-proxy-ca"],
  ] as const) {
    const notAfter = new Date(Date.now() + 3000 * day);
    const usages = readUsages(["digital signature", "key encipherment", "cert sign"], "usages");
    const template = { subject: [["CN", name]] as const, names: [], notBefore: times.notBefore, notAfter, usages };
    const cert = await selfSign({ ...template, authority: { pathLength: -1 } }, topKey);
    tops[path] = { cert, key: topKey };
    write(`${path}.crt`, cert, 0o644);
    write(`${path}.key`, formatKey(topKey), 0o600);
  }
  const leaf = async (
    top: string,
    subject: [["CN", string]] | [["O", string], ["CN", string]],
    words: string[],
    hosts: string[],
  ) => {
    const usages = readUsages(["digital signature", "key encipherment", ...words], "usages");
    const names = hosts.map((value) => ({ type: "dns" as const, value }));
    return signTemplate(
      { subject, names, ...times, usages },
      leafKey,
      tops[top] as { cert: string; key: typeof topKey },
    );
  };
  const pair = async (path: string, ...rest: Parameters<typeof leaf>) => {
    write(`${path}.crt`, await leaf(...rest), 0o644);
    write(`${path}.key`, formatKey(leafKey), 0o600);
  };
  await pair(
    "pki/apiserver",
    "pki/ca",
    [["CN", "kube-apiserver"]],
    ["server auth"],
    ["kubernetes", "kubernetes.default"],
  );
  await pair("pki/front-proxy-client", "pki/front-proxy-ca", [["CN", "front-proxy-client"]], ["client auth"], []);
  await pair("pki/etcd/server", "pki/etcd/ca", [["CN", "n1"]], ["server auth", "client auth"], ["n1"]);
  const admin = await leaf(
    "pki/ca",
    [
      ["O", "system:masters"],
      ["CN", "kubernetes-admin"],
    ],
    ["client auth"],
    [],
  );
  const user = { name: "kubernetes-admin", cert: admin, key: formatKey(leafKey) };
  const kubeconfig = formatKubeconfig({
    name: "k",
    server: "https://10.0.0.1:6443",
    ca: tops["pki/ca"]?.cert ?? "",
    user,
  });
  write("admin.conf", `# made by hand\n${kubeconfig}`, 0o600);
}

test("check prints what is there, and fails when too few days are left", { skip }, () => {
  const { stdout, stderr, status } = certs("check");
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^CERTIFICATE +EXPIRES +RESIDUAL TIME +CERTIFICATE AUTHORITY +EXTERNALLY MANAGED\nadmin.conf +\w+ \d\d, \d{4} \d\d:\d\d UTC +20d +ca +no\napiserver /,
  );
  assert.match(stdout, /^etcd-ca +.* 8y +no$/m);
  assert.match(stderr, /fewer than 30 days are left: apiserver \(20 days\)/);
  assert.equal(certs("check", "--warn-days", "10").status, 0);
  const rows = JSON.parse(certs("check", "--json").stdout);
  assert.deepEqual(rows.map(({ name }: { name: string }) => name).sort(), [
    ...["admin.conf", "apiserver", "ca", "etcd-ca", "etcd-server", "front-proxy-ca", "front-proxy-client"],
  ]);
  certs("check", "--prometheus", at("certs.prom"));
  assert.match(read("certs.prom"), /^capstan_certificate_days_left\{name="apiserver",path=".*",ca="ca"\} 20\.00\d$/m);
});

test("renew keeps subject, names, usages, key and modes, and the old files beside", { skip }, () => {
  const before = { cert: read("pki/apiserver.crt"), key: read("pki/apiserver.key") };
  const { status, stdout, stderr } = certs("renew", "all");
  assert.equal(status, 0, stderr);
  assert.equal(certs("check").status, 0);
  for (const [top, path] of [
    ["pki/ca.crt", "pki/apiserver.crt"],
    ["pki/etcd/ca.crt", "pki/etcd/server.crt"],
    ["pki/front-proxy-ca.crt", "pki/front-proxy-client.crt"],
  ] as const) {
    assert.match(openssl("verify", "-CAfile", top, path), /OK/);
  }
  const text = openssl("x509", "-in", "pki/apiserver.crt", "-noout", "-text");
  assert.match(text, /Subject: CN = kube-apiserver/);
  assert.match(text, /DNS:kubernetes, DNS:kubernetes.default/);
  assert.match(text, /TLS Web Server Authentication/);
  assert.equal(read("pki/apiserver.key"), before.key);
  assert.notEqual(read("pki/apiserver.crt"), before.cert);
  assert.equal(statSync(at("pki/apiserver.crt")).mode & 0o777, 0o644);
  assert.equal(statSync(at("admin.conf")).mode & 0o777, 0o600);
  const admin = read("admin.conf");
  assert.match(admin, /^# made by hand\n/);
  const pem = Buffer.from(/client-certificate-data: (\S+)/.exec(admin)?.[1] ?? "", "base64");
  assert.equal(new X509Certificate(pem).subject, "O=system:masters\nCN=kubernetes-admin");
  const backup = /the old files are in (\S+)/.exec(stdout)?.[1] ?? "";
  assert.equal(readFileSync(join(backup, "pki/apiserver.crt"), "utf8"), before.cert);
  assert.match(stdout, /manifests\/kube-apiserver.yaml/);
});

test("new keys come with their certificates", { skip }, () => {
  const old = read("pki/etcd/server.key");
  assert.equal(certs("renew", "etcd-server", "--new-key", "--days", "90").status, 0);
  assert.notEqual(read("pki/etcd/server.key"), old);
  assert.match(read("pki/etcd/server.key"), /BEGIN RSA PRIVATE KEY/);
  const certificate = new X509Certificate(read("pki/etcd/server.crt"));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(read("pki/etcd/server.key"))));
  assert.ok(certificate.validToDate.getTime() < Date.now() + 91 * day);
});

test("what somebody else signs is told, and not touched", { skip }, () => {
  rmSync(at("pki/etcd/ca.key"));
  assert.match(certs("check").stdout, /^etcd-server .* etcd-ca +yes$/m);
  assert.match(
    certs("renew", "etcd-server").stderr,
    /etcd-server is managed elsewhere: the key of its authority etcd-ca/,
  );
  assert.equal(certs("renew", "all").status, 0);
  assert.match(certs("renew", "apisrver").stderr, /there is no certificate "apisrver"; there are: apiserver,/);
});

test("keys and authorities that do not belong are told by check", { skip }, async () => {
  write("pki/apiserver.key", formatKey(await generateKey({ algo: "rsa", size: 2048 })), 0o600);
  write("pki/front-proxy-client.crt", read("pki/etcd/server.crt"), 0o644);
  const { stderr, status } = certs("check", "--warn-days", "1");
  assert.equal(status, 1);
  assert.match(stderr, /apiserver: its key is another one's/);
  assert.match(stderr, /front-proxy-client: it is not signed by front-proxy-ca/);
  write("pki/apiserver.crt", "no certificate", 0o644);
  assert.match(certs("check").stderr, /pki\/apiserver.crt: its certificate cannot be read/);
});

const root = process.getuid?.() === 0;
test("a directory that cannot be written is told before anything is changed", {
  skip: skip || (root ? false : "a read-only mount needs root"),
}, () => {
  const before = read("pki/apiserver.crt");
  execFileSync("mount", ["--bind", directory, directory]);
  try {
    execFileSync("mount", ["-o", "remount,ro,bind", directory]);
    const { status, stderr } = certs("renew", "all");
    assert.equal(status, 1);
    assert.match(stderr, /nothing is changed: EROFS/);
  } finally {
    execFileSync("umount", [directory]);
  }
  assert.equal(read("pki/apiserver.crt"), before);
  assert.deepEqual(readdirSync(directory).sort(), ["admin.conf", "pki"]);
});

test("a renewal that was killed between two files is finished by the next look", { skip }, () => {
  const fresh = read("pki/etcd/server.crt");
  write("pki/apiserver.crt.capstan-new", fresh, 0o644);
  const journal = { backup: at("capstan-backup-x"), paths: [at("pki/apiserver.crt"), at("pki/apiserver.key")] };
  write(".capstan-renewal.json", JSON.stringify(journal), 0o600);
  assert.match(
    certs("check").stderr,
    /a renewal that was cut off is finished; the old files are in .*capstan-backup-x/,
  );
  assert.equal(read("pki/apiserver.crt"), fresh);
  assert.equal(existsSync(at(".capstan-renewal.json")), false);
});

test("a kubeconfig whose certificate's file is gone is told, and holds up nothing else", { skip }, () => {
  const gone = read("admin.conf").replace(/client-certificate-data: .*/, "client-certificate: /nowhere/kubelet.pem");
  write("kubelet.conf", gone.replace(/client-key-data: .*/, "client-key: /nowhere/kubelet.pem"), 0o600);
  const { status, stderr } = certs("check", "--warn-days", "1");
  assert.equal(status, 1);
  assert.match(stderr, /kubelet.conf: the certificate that it names is not there: \/nowhere\/kubelet.pem/);
  assert.equal(certs("renew", "all").status, 0);
});

test("what is no authority signs nothing, whatever its file is called", { skip }, async () => {
  const key = await generateKey({ algo: "ecdsa", size: 256 });
  const times = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
  const usages = readUsages(["digital signature"], "usages");
  write("pki/ca.crt", await selfSign({ subject: [["CN", "kubernetes"]], names: [], usages, ...times }, key), 0o644);
  write("pki/ca.key", formatKey(key), 0o600);
  const before = read("pki/apiserver.crt");
  const { status, stderr } = certs("renew", "apiserver");
  assert.equal(status, 1);
  assert.match(stderr, /ca is no authority \(basicConstraints CA is false\)/);
  assert.equal(read("pki/apiserver.crt"), before);
});
