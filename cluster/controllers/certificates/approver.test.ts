import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import {
  CertificateSigningRequests,
  ClusterRoleBindings,
  ClusterRoles,
  Events,
  Namespaces,
  Nodes,
  RoleBindings,
} from "@capstan/api/generated/resources";
import { createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { type CertificateRequest, createRequest, openAuthority } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { createCertificateApprover, createCertificateCleaner, createCertificateSigner } from "./index.ts";

interface Bench extends AsyncDisposable {
  cluster: TestCluster;
  /** Resolves to the request once it is signed, denied or has failed. */
  ask(
    who: string,
    signer: string,
    request: CertificateRequest,
    groups?: string[],
  ): Promise<CertificateSigningRequest | undefined>;
}

interface Right {
  user: string;
  /** `certificatesigningrequests/nodeclient`, or `secrets`. */
  resource: string;
  namespace?: string;
}

async function open(...rights: Right[]): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), "capstan-csr-"));
  const authority = await openAuthority({ directory });
  const cluster = await TestCluster.start({
    extensions: [createAuthorization()],
    parts: (own) => [createCertificateApprover({ ...own, authority }), createCertificateSigner({ ...own, authority })],
  });
  for (const [index, { user, resource, namespace }] of rights.entries()) {
    const name = `right-${index}`;
    const apiGroups = resource === "secrets" ? [""] : ["certificates.k8s.io"];
    const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: user }];
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
    await cluster.client.create(ClusterRoles, {
      metadata: { name },
      rules: [{ apiGroups, resources: [resource], verbs: ["create"] }],
    });
    if (namespace) {
      await cluster.client.create(Namespaces, { metadata: { name: namespace }, spec: {} });
      await cluster.client.create(RoleBindings, { metadata: { namespace, name }, subjects, roleRef });
    } else await cluster.client.create(ClusterRoleBindings, { metadata: { name }, subjects, roleRef });
  }
  let count = 0;
  return {
    cluster,
    async ask(username, signerName, request, groups = []) {
      const { csr } = await createRequest(request);
      const name = `csr-${count++}`;
      const usages = request.usages.map((usage) => `${usage} auth`);
      const spec = { request: Buffer.from(csr).toString("base64"), signerName, usages, username, groups };
      await cluster.client.create(CertificateSigningRequests, { metadata: { name }, spec });
      return cluster.until(CertificateSigningRequests, { name }, (found) => {
        const ends = found?.status?.conditions?.some(({ type }) => type === "Denied" || type === "Failed");
        return Boolean(found?.status?.certificate) || ends === true;
      });
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

const kubelet = (name: string, more: Partial<CertificateRequest> = {}): CertificateRequest => ({
  commonName: `system:node:${name}`,
  organizations: ["system:nodes"],
  usages: ["client"],
  ...more,
});
const signerOf = (name: string) => `kubernetes.io/${name}`;
const csrs = "certificatesigningrequests";

test("a bootstrapper's and a node's own client certificate are approved by role, another node's is denied", async () => {
  await using bench = await open(
    { user: "system:bootstrap:abc", resource: `${csrs}/nodeclient` },
    { user: "system:node:a", resource: `${csrs}/selfnodeclient` },
  );
  const client = signerOf("kube-apiserver-client-kubelet");
  const joined = await bench.ask("system:bootstrap:abc", client, kubelet("a"));
  assert.equal(
    joined?.status?.conditions?.[0]?.message,
    "Auto approving kubelet client certificate after SubjectAccessReview.",
  );
  const subject = new X509Certificate(Buffer.from(joined?.status?.certificate ?? "", "base64")).subject;
  assert.equal(subject, "O=system:nodes\nCN=system:node:a");
  const renewed = await bench.ask("system:node:a", client, kubelet("a"));
  assert.match(renewed?.status?.conditions?.[0]?.message ?? "", /^Auto approving self kubelet client certificate/);
  const forged = await bench.ask("system:node:a", client, kubelet("b"));
  assert.equal(forged?.status?.conditions?.[0]?.type, "Denied");
  assert.match(forged?.status?.conditions?.[0]?.message ?? "", /may not ask for a certificate of system:node:b/);
  const grouped = await bench.ask("system:node:a", client, kubelet("a", { organizations: ["system:masters"] }));
  assert.match(grouped?.status?.conditions?.[0]?.message ?? "", /organization is not "system:nodes"/);
});

test("a Domain's token lets one node in, however many ask at once", async () => {
  await using bench = await open({ user: "system:bootstrap:abc", resource: `${csrs}/nodeclient` });
  const client = signerOf("kube-apiserver-client-kubelet");
  const ask = (name: string, group: string) =>
    bench.ask("system:bootstrap:abc", client, kubelet(name), ["system:bootstrappers", group]);
  const domain = "system:bootstrappers:domain:alice";
  const all = await Promise.all(["a", "b", "c"].map((name) => ask(name, domain)));
  const types = all.map((request) => request?.status?.conditions?.[0]?.type).sort();
  assert.deepEqual(types, ["Approved", "Denied", "Denied"]);
  const denied = all.find((request) => request?.status?.conditions?.[0]?.type === "Denied");
  assert.match(denied?.status?.conditions?.[0]?.message ?? "", /the token has let a node in already/);
  const several = await ask("d", "system:bootstrappers:kubeadm:default-node-token");
  assert.equal(several?.status?.conditions?.[0]?.type, "Approved");
});

test("a node's serving certificate names the node alone", async () => {
  await using bench = await open({ user: "system:node:a", resource: `${csrs}/selfnodeserver` });
  const { client } = bench.cluster;
  const node = await client.create(Nodes, { metadata: { name: "a" }, spec: {} });
  const addressed = (...list: string[]) => ({ addresses: list.map((address) => ({ type: "InternalIP", address })) });
  await client.updateStatus(Nodes, {
    ...node,
    status: addressed("10.0.0.1", "10.0.0.2", "10.96.0.1", "evil.example.com"),
  });
  const other = await client.create(Nodes, { metadata: { name: "b" }, spec: {} });
  await client.updateStatus(Nodes, { ...other, status: addressed("10.0.0.2") });
  const serving = (hosts: string[]) =>
    bench.ask("system:node:a", signerOf("kubelet-serving"), kubelet("a", { usages: ["server"], hosts }));
  const good = await serving(["10.0.0.1", "a"]);
  assert.ok(good?.status?.certificate, JSON.stringify(good?.status));
  const beyond = await serving(["10.0.0.1", "kubernetes.default.svc"]);
  assert.match(
    beyond?.status?.conditions?.[0]?.message ?? "",
    /kubernetes.default.svc is no name or address of node a/,
  );
  for (const claimed of ["10.0.0.2", "10.96.0.1", "evil.example.com", "b"]) {
    const denied = await serving(["10.0.0.1", claimed]);
    assert.match(denied?.status?.conditions?.[0]?.message ?? "", /is no name or address of node a/, claimed);
  }
});

test("Services get certificates for names of their own namespace", async () => {
  await using bench = await open({ user: "jane", resource: "secrets", namespace: "web" });
  const ask = (hosts: string[], organizations?: string[]) =>
    bench.ask("jane", "capstan.dev/serving", { commonName: hosts[0] ?? "", hosts, usages: ["server"], organizations });
  const good = await ask(["hook.web.svc", "hook.web", "hook"]);
  assert.ok(good?.status?.certificate, JSON.stringify(good?.status));
  const names = new X509Certificate(Buffer.from(good?.status?.certificate ?? "", "base64")).subjectAltName;
  assert.equal(names, "DNS:hook.web.svc, DNS:hook.web, DNS:hook");
  assert.match((await ask(["a.web.svc", "b.other.svc"]))?.status?.conditions?.[0]?.message ?? "", /one namespace/);
  for (const foreign of ["fd00::1", "10.96.0.1", "kubernetes", "a.web.svc.example.com"]) {
    assert.match((await ask(["a.web.svc", foreign]))?.status?.conditions?.[0]?.message ?? "", /one namespace/, foreign);
  }
  assert.match((await ask(["a.web.svc"], ["system:masters"]))?.status?.conditions?.[0]?.message ?? "", /no group/);
});

test("old requests go, and of one that nobody signs it is said", async () => {
  const created = Date.now();
  let now = created;
  await using cluster = await TestCluster.start({
    parts: (own) => createCertificateCleaner({ ...own, now: () => now }),
  });
  const { client } = cluster;
  const { csr } = await createRequest({ commonName: "x", usages: ["client"] });
  const make = async (name: string, signerName: string, type: string) => {
    const spec = { request: Buffer.from(csr).toString("base64"), signerName, usages: ["client auth"] };
    const made = await client.create(CertificateSigningRequests, { metadata: { name }, spec });
    const at = new Date(created).toISOString().replace(/\.\d+Z/, "Z");
    const conditions = [{ type, status: "True", lastTransitionTime: at }];
    await client.update(CertificateSigningRequests, { ...made, status: { conditions } }, { subresource: "approval" });
  };
  now = created + 3_700_000;
  await make("denied", signerOf("kube-apiserver-client"), "Denied");
  await cluster.until(CertificateSigningRequests, { name: "denied" }, (found) => found === undefined);
  await make("orphan", "example.com/nobody", "Approved");
  const events = cluster.informers.informer(Events);
  await new Promise<void>((resolve) => {
    events.onChange(({ object }) => {
      if (object.message?.includes('no signer of this cluster is called "example.com/nobody"')) resolve();
    });
  });
});
