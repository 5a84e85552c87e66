// A control plane's certificates made by kubeadm: checked and renewed by capstan certs, and judged by kubeadm and openssl.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { openDesk, peers } from "./programs.ts";

const desk = openDesk("kubeadm");
const kubeadm = (line: string) => desk.done(join(peers, "kubeadm"), line);
/** Its kubeconfigs are in /etc/kubernetes and nowhere else: there it sees the directory of this test. */
const kubeadmInside = (line: string) => desk.done("unshare", `-m sh inside.sh ${line}`);
const openssl = (line: string) => desk.done("openssl", line);
/** Milliseconds in which a whole directory is renewed, the start of the program included. */
const renewalBudget = 2000;

/** Certificates of the layout, and which authority signs each. */
const leaves: Record<string, string> = {
  apiserver: "ca",
  "apiserver-kubelet-client": "ca",
  "apiserver-etcd-client": "etcd/ca",
  "front-proxy-client": "front-proxy-ca",
  "etcd/server": "etcd/ca",
  "etcd/peer": "etcd/ca",
  "etcd/healthcheck-client": "etcd/ca",
};
const kubeconfigs = ["admin", "super-admin", "controller-manager", "scheduler"];

beforeEach(() => {
  desk.done("rm", "-rf k8s");
  const mounts = ["mount -t tmpfs none /etc", "mkdir /etc/kubernetes", "mount --bind k8s /etc/kubernetes"];
  desk.write("inside.sh", ["set -e", ...mounts, `exec ${join(peers, "kubeadm")} "$@"`, ""].join("\n"));
  const documents = [
    {
      kind: "InitConfiguration",
      localAPIEndpoint: { advertiseAddress: "10.1.2.3", bindPort: 6443 },
      nodeRegistration: { name: "n1", criSocket: "unix:///run/containerd/containerd.sock" },
    },
    {
      kind: "ClusterConfiguration",
      kubernetesVersion: "v1.34.1",
      certificatesDir: desk.path("k8s/pki"),
      apiServer: { certSANs: ["api.example.org", "192.0.2.7"] },
    },
  ];
  const text = documents.map((document) => JSON.stringify({ apiVersion: "kubeadm.k8s.io/v1beta4", ...document }));
  desk.write("kubeadm.yaml", text.join("\n---\n"));
  kubeadm("init phase certs all --config kubeadm.yaml");
  kubeadm(`init phase kubeconfig all --config kubeadm.yaml --kubeconfig-dir ${desk.path("k8s")}`);
});

interface Row {
  name: string;
  expires: number;
  authority: string;
}

const byName = (a: Row, b: Row) => (a.name < b.name ? -1 : 1);

/** What capstan says of the certificates that are no authorities, but for the kubelet's, which kubeadm leaves out. */
function ours(): Row[] {
  const rows = JSON.parse(desk.capstan("certs check --dir k8s --kubelet-dir none --json")) as {
    name: string;
    expires: string;
    authority: string;
    isAuthority: boolean;
  }[];
  return rows
    .filter(({ name, isAuthority }) => !isAuthority && !name.startsWith("kubelet"))
    .map(({ name, expires, authority }) => ({ name, expires: Date.parse(expires), authority }))
    .sort(byName);
}

function theirs(): Row[] {
  const line = `certs check-expiration --cert-dir ${desk.path("k8s/pki")} --config kubeadm.yaml -o json`;
  const { certificates } = JSON.parse(kubeadmInside(line)) as {
    certificates: { name: string; expirationDate: string; caName: string; missing?: boolean }[];
  };
  return certificates
    .filter(({ missing }) => !missing)
    .map(({ name, expirationDate, caName }) => ({ name, expires: Date.parse(expirationDate), authority: caName }))
    .sort(byName);
}

function verifyAll(): void {
  for (const [leaf, authority] of Object.entries(leaves)) {
    const file = `k8s/pki/${leaf}.crt`;
    assert.equal(openssl(`verify -x509_strict -CAfile k8s/pki/${authority}.crt ${file}`), `${file}: OK\n`);
  }
  for (const name of kubeconfigs) {
    const data = /client-certificate-data: (\S+)/.exec(desk.read(`k8s/${name}.conf`))?.[1] ?? "";
    desk.write("client.crt", Buffer.from(data, "base64"));
    assert.equal(openssl("verify -CAfile k8s/pki/ca.crt client.crt"), "client.crt: OK\n");
  }
}

/** All that a renewal must keep: subject and extensions without the number, the dates and the signature. */
const lasting = (leaf: string) =>
  openssl(
    `x509 -in k8s/pki/${leaf}.crt -noout -subject -issuer -ext subjectAltName,keyUsage,extendedKeyUsage,basicConstraints`,
  );
const modes = () => Object.keys(leaves).map((leaf) => statSync(desk.path(`k8s/pki/${leaf}.crt`)).mode);

test("both name the same certificates, authorities and dates", () => {
  const rows = ours();
  assert.equal(rows.length, Object.keys(leaves).length + kubeconfigs.length);
  assert.deepEqual(rows, theirs());
  verifyAll();
});

test("what capstan renews holds for kubeadm and openssl, and says what it said", () => {
  const [before, kept, had] = [theirs(), Object.keys(leaves).map(lasting), modes()];
  const started = performance.now();
  desk.capstan("certs renew all --dir k8s --days 700");
  const took = performance.now() - started;
  console.log(`# a renewal of ${before.length} certificates: ${Math.round(took)} ms, budget ${renewalBudget}`);
  const after = theirs();
  assert.deepEqual(ours(), after);
  for (const [index, row] of after.entries()) assert.ok(row.expires > (before[index]?.expires ?? 0), row.name);
  assert.deepEqual(Object.keys(leaves).map(lasting), kept);
  assert.deepEqual(modes(), had);
  verifyAll();
});

test("what capstan renewed, kubeadm renews again, and capstan reads", () => {
  desk.capstan("certs renew all --dir k8s --new-key");
  verifyAll();
  kubeadmInside(`certs renew all --cert-dir ${desk.path("k8s/pki")} --config kubeadm.yaml`);
  assert.deepEqual(ours(), theirs());
  verifyAll();
});
