import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import {
  CertificateSigningRequests,
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  CustomResourceDefinitions,
  Events,
  Namespaces,
  Nodes,
  Pods,
  ResourceQuotas,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
  ValidatingAdmissionPolicyBindings,
} from "@capstan/api/generated/resources";
import { type Domain, Domains, domainDefinition } from "@capstan/api/kinds/domain";
import { pathOf } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import type { ExtensionFactory } from "@capstan/cluster/apiserver";
import { bootstrapPriorityClasses, createAdmission } from "@capstan/cluster/apiserver/admission";
import { createRequest, openAuthority } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { createDomainOperator, type DomainOperatorOptions } from "./index.ts";

const alice = (podMaxCount?: number) => ({
  metadata: { name: "alice" },
  spec: { role: "partner" as const, ...(podMaxCount === undefined ? {} : { resourceQuota: { podMaxCount } }) },
});

async function untilEvent(cluster: TestCluster, words: RegExp): Promise<void> {
  const events = cluster.informers.informer(Events);
  await new Promise<void>((resolve) => {
    const stop = events.onChange(({ object }) => {
      if (!words.test(object.message ?? "")) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

async function start(
  options: Partial<DomainOperatorOptions> = {},
  extensions: ExtensionFactory[] = [],
): Promise<TestCluster> {
  return TestCluster.start({
    extensions,
    async parts(cluster) {
      const { client, informers, log } = cluster;
      await client.create(CustomResourceDefinitions, domainDefinition);
      return createDomainOperator({ client, informers, log, ...options });
    },
  });
}

/** As the namespace's controller does it, once the namespace is empty. */
async function purge({ client }: TestCluster): Promise<void> {
  const ref = { name: "alice" };
  await client.delete(Namespaces, ref);
  const namespace = { ...(await client.get(Namespaces, ref)), spec: { finalizers: [] } };
  const headers = { "content-type": "application/json" };
  const body = Buffer.from(JSON.stringify({ ...namespace, apiVersion: "v1", kind: "Namespace" }));
  await client.request({ method: "PUT", url: `${pathOf(Namespaces, "", "alice")}/finalize`, headers, body });
}

const quota = { namespace: "alice", name: "resource-limitation" };

test("a Domain makes its namespace, quota, settings and role", async () => {
  await using cluster = await start();
  await cluster.client.create(Domains, alice(100));
  const made = await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  assert.deepEqual(made?.spec.hard, { pods: "100" });
  const namespace = await cluster.client.get(Namespaces, { name: "alice" });
  assert.equal(namespace.metadata.labels?.["kuscia.secretflow/domain-name"], "alice");
  assert.equal(namespace.metadata.labels?.["kuscia.secretflow/role"], "partner");
  await cluster.until(ConfigMaps, { namespace: "alice", name: "domain-config" }, (object) => object !== undefined);
  const role = await cluster.until(Roles, { namespace: "alice", name: "alice" }, (object) => object !== undefined);
  assert.equal(role?.metadata.ownerReferences?.[0]?.kind, "Domain");
});

test("a changed quota is followed, an absent one removed, and one deleted by hand comes back", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Domains, alice(100));
  await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  await client.patch(
    Domains,
    { name: "alice" },
    { type: "merge", body: { spec: { resourceQuota: { podMaxCount: 200 } } } },
  );
  await cluster.until(ResourceQuotas, quota, (object) => object?.spec.hard?.pods === "200");
  await client.delete(ResourceQuotas, quota);
  await cluster.until(ResourceQuotas, quota, (object) => object?.spec.hard?.pods === "200");
  await client.patch(Domains, { name: "alice" }, { type: "merge", body: { spec: { resourceQuota: null } } });
  await cluster.until(ResourceQuotas, quota, (object) => object === undefined);
});

test("a deleted Domain only labels its namespace, and a new one revives it", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const deleted = "kuscia.secretflow/deleted";
  await client.create(Domains, alice(100));
  await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  await client.delete(Domains, { name: "alice" });
  await cluster.until(Namespaces, { name: "alice" }, (object) => object?.metadata.labels?.[deleted] === "true");
  assert.ok(await client.find(ResourceQuotas, quota));
  await client.create(Domains, alice(50));
  await cluster.until(Namespaces, { name: "alice" }, (object) => object?.metadata.labels?.[deleted] === undefined);
  await cluster.until(ResourceQuotas, quota, (object) => object?.spec.hard?.pods === "50");
});

test("the status follows the Domain's nodes", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Domains, alice());
  const labels = { "kuscia.secretflow/namespace": "alice" };
  const node = await client.create(Nodes, { metadata: { name: "n1", labels }, spec: {} });
  const first = (domain: Domain | undefined) => domain?.status?.nodeStatuses?.[0]?.status;
  await cluster.until(Domains, { name: "alice" }, (domain) => first(domain) === "NotReady");
  const ready = { type: "Ready", status: "True", lastHeartbeatTime: "2026-01-01T00:00:00Z" };
  await client.updateStatus(Nodes, { ...node, status: { ...node.status, conditions: [ready] } });
  await cluster.until(Domains, { name: "alice" }, (domain) => first(domain) === "Ready");
});

test("quotas beyond pods reach the ResourceQuota by the names that Kubernetes has for them", async () => {
  await using cluster = await start();
  const resourceQuota = { podMaxCount: 9, cpu: "4", memory: "8Gi", storage: "1Ti", gpu: 2, notebooks: 3, models: 4 };
  await cluster.client.create(Domains, { metadata: { name: "alice" }, spec: { resourceQuota } });
  const made = await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  assert.deepEqual(made?.spec?.hard, {
    pods: "9",
    "requests.cpu": "4",
    "requests.memory": "8Gi",
    "requests.storage": "1Ti",
    "requests.nvidia.com/gpu": "2",
    "count/notebooks.kubeflow.org": "3",
    "count/inferenceservices.serving.kserve.io": "4",
  });
});

const refused: [what: string, name: string, spec: object, words: RegExp][] = [
  ["master", "master", {}, /reserved/],
  ["a namespace of the cluster's own", "kube-system", {}, /reserved/],
  ["dots", "a.b", {}, /no dots/],
  ["a negative count", "alice", { resourceQuota: { podMaxCount: -1 } }, /podMaxCount.*greater than or equal to 0/],
  ["a negative amount", "alice", { resourceQuota: { cpu: "-1" } }, /resourceQuota.cpu/],
  ["an unknown role", "alice", { role: "boss" }, /spec.role: Unsupported value/],
];
for (const [what, name, spec, words] of refused) {
  test(`a Domain with ${what} is refused`, async () => {
    await using cluster = await start();
    await assert.rejects(cluster.client.create(Domains, { metadata: { name }, spec: spec as Domain["spec"] }), words);
  });
}

test("a namespace that is somebody else's is left alone, until it is handed over", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Namespaces, { metadata: { name: "alice", labels: { team: "x" } }, spec: {} });
  await client.create(Domains, alice(100));
  await untilEvent(cluster, /the namespace "alice" is there already and is no Domain's/);
  assert.equal(await client.find(ResourceQuotas, quota), undefined);
  assert.deepEqual((await client.get(Namespaces, { name: "alice" })).metadata.labels?.team, "x");
  const labels = { "kuscia.secretflow/domain-name": "alice" };
  await client.patch(Namespaces, { name: "alice" }, { type: "merge", body: { metadata: { labels } } });
  await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
});

test("owners and members get what is theirs, and lose it with their name", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const annotations = {
    "capstan.dev/owners": "eve",
    "capstan.dev/members": "bob, group:risk,serviceaccount:ci:builder, group:system:masters",
  };
  await client.create(Domains, { ...alice(), metadata: { name: "alice", annotations } });
  const members = { namespace: "alice", name: "alice-members" };
  const binding = await cluster.until(RoleBindings, members, (object) => object !== undefined);
  const group = "rbac.authorization.k8s.io";
  assert.deepEqual(binding?.roleRef, { apiGroup: group, kind: "Role", name: "alice" });
  assert.deepEqual(binding?.subjects, [
    { kind: "User", apiGroup: group, name: "bob" },
    { kind: "Group", apiGroup: group, name: "risk" },
    { kind: "ServiceAccount", namespace: "ci", name: "builder" },
  ]);
  const owners = { namespace: "alice", name: "alice-owners" };
  const admin = await cluster.until(RoleBindings, owners, (object) => object !== undefined);
  assert.equal(admin?.roleRef.name, "admin");
  const sight = await cluster.until(ClusterRoles, { name: "capstan:domain:alice" }, (object) => object !== undefined);
  assert.deepEqual(sight?.rules, [
    { apiGroups: [""], resources: ["namespaces"], resourceNames: ["alice"], verbs: ["get"] },
  ]);
  const told = await cluster.until(ClusterRoleBindings, { name: "capstan:domain:alice:owners" }, (found) => !!found);
  assert.deepEqual(
    told?.subjects?.map((subject) => subject.name),
    ["eve"],
  );
  await untilEvent(cluster, /"group:system:masters" is no user/);
  await client.delete(RoleBindings, members);
  await cluster.until(RoleBindings, members, (object) => object?.metadata.uid !== binding?.metadata.uid);
  const body = { metadata: { annotations: { "capstan.dev/members": null } } };
  await client.patch(Domains, { name: "alice" }, { type: "merge", body });
  await cluster.until(RoleBindings, members, (object) => object === undefined);
  assert.ok(await client.find(RoleBindings, owners));
});

test("pods of a Domain get nothing of their node but their own artifacts to read, unless their namespace is trusted", async () => {
  const extensions = [createAdmission({ log: silent })];
  await using cluster = await start({ artifacts: "/data/artifacts" }, extensions);
  const { client } = cluster;
  await bootstrapPriorityClasses(client);
  const container = { name: "c", image: "x" };
  const make = (spec: Partial<Pod["spec"]>, namespace = "alice", name = "p") => {
    const whole = { containers: [container], ...spec };
    return client.create(Pods, { metadata: { namespace, name }, spec: whole }, { dryRun: true });
  };
  await client.create(Domains, alice());
  await cluster.until(ConfigMaps, { namespace: "alice", name: "domain-config" }, (found) => found !== undefined);
  for (const namespace of ["alice", "default"])
    await client.create(ServiceAccounts, { metadata: { namespace, name: "default" } });
  await cluster.until(ValidatingAdmissionPolicyBindings, { name: "capstan-domain-pods" }, (found) => !!found);
  const host = (path: string) => [{ name: "h", hostPath: { path } }];
  const mount = (readOnly: boolean) => [{ ...container, volumeMounts: [{ name: "h", mountPath: "/h", readOnly }] }];
  const refused: Partial<Pod["spec"]>[] = [
    { hostNetwork: true },
    { hostPID: true },
    { volumes: host("/data/pki") },
    { volumes: host("/data/artifacts/bob/x"), containers: mount(true) },
    { volumes: host("/data/artifacts/alice/x"), containers: mount(false) },
    { containers: [{ ...container, securityContext: { privileged: true } }] },
    { initContainers: [{ ...container, name: "i", securityContext: { capabilities: { add: ["SYS_ADMIN"] } } }] },
    { securityContext: { seccompProfile: { type: "Unconfined" } } },
    { containers: [{ ...container, ports: [{ containerPort: 1, hostPort: 1 }] }] },
  ];
  for (const spec of refused) {
    await assert.rejects(make(spec), /pods of a Domain have no right to their node/, JSON.stringify(spec));
  }
  await make({});
  await make({ volumes: host("/data/artifacts/alice/x"), containers: mount(true) });
  await make({ containers: [{ ...container, securityContext: { capabilities: { add: ["CHOWN"], drop: ["ALL"] } } }] });
  await make({ volumes: host("/data/pki") }, "default");
  const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
  await client.patch(Namespaces, { name: "alice" }, { type: "merge", body: { metadata: { labels } } });
  await make({ volumes: host("/data/pki") });
});

test("a node that was silent for too long is forgotten", async () => {
  await using cluster = await start({ staleAfter: 1000, now: () => Date.parse("2026-01-01T00:00:02Z") });
  const { client } = cluster;
  await client.create(Domains, alice());
  const labels = { "kuscia.secretflow/namespace": "alice" };
  for (const [name, since] of [
    ["old", "2026-01-01T00:00:00Z"],
    ["new", "2026-01-01T00:00:02Z"],
  ] as const) {
    const node = await client.create(Nodes, { metadata: { name }, spec: {} });
    const lost = { type: "Ready", status: "Unknown", lastTransitionTime: since };
    await client.updateStatus(Nodes, { ...node, status: { conditions: [lost] } });
    await client.patch(Nodes, { name }, { type: "merge", body: { metadata: { labels } } });
  }
  await cluster.until(Nodes, { name: "old" }, (node) => node === undefined);
  const domain = await cluster.until(Domains, { name: "alice" }, (found) => found?.status?.nodeStatuses?.length === 1);
  assert.equal(domain?.status?.nodeStatuses?.[0]?.name, "new");
});

test("a node joins with the Domain's token, which then is used up and followed by another", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Domains, { metadata: { name: "alice" }, spec: {} });
  const unused = (domain: Domain | undefined) =>
    domain?.status?.deployTokenStatuses?.filter(({ state }) => state === "unused").map(({ token }) => token) ?? [];
  const [token = ""] = unused(await cluster.until(Domains, { name: "alice" }, (found) => unused(found).length === 1));
  assert.match(token, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  const secret = { namespace: "kube-system", name: `bootstrap-token-${token.slice(0, 6)}` };
  const kept = await cluster.until(Secrets, secret, (found) => found !== undefined);
  const groups = Buffer.from(kept?.data?.["auth-extra-groups"] ?? "", "base64").toString();
  assert.equal(groups, "system:bootstrappers:domain:alice");
  const directory = mkdtempSync(join(tmpdir(), "capstan-domain-"));
  const authority = await openAuthority({ directory });
  const subject = { commonName: "system:node:worker", organizations: ["system:nodes"], usages: ["client" as const] };
  const { csr } = await createRequest(subject);
  const request = await client.create(CertificateSigningRequests, {
    metadata: { name: "csr-1" },
    spec: {
      usages: ["client auth"],
      request: Buffer.from(csr).toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client-kubelet",
      username: `system:bootstrap:${token.slice(0, 6)}`,
    },
  });
  const certificate = Buffer.from(await authority.sign(csr, subject)).toString("base64");
  await client.updateStatus(CertificateSigningRequests, { ...request, status: { certificate } });
  const node = await cluster.until(Nodes, { name: "worker" }, (found) => found !== undefined);
  assert.equal(node?.metadata.labels?.["kuscia.secretflow/namespace"], "alice");
  const taint = { key: "kuscia.secretflow/namespace", value: "alice", effect: "NoSchedule" };
  assert.deepEqual(node?.spec?.taints, [taint]);
  const { metadata } = await client.get(Namespaces, { name: "alice" });
  assert.deepEqual(JSON.parse(metadata.annotations?.["scheduler.alpha.kubernetes.io/defaultTolerations"] ?? ""), [
    { ...taint, operator: "Equal" },
  ]);
  // Deleted by hand or for its silence, and back by its agent.
  await client.delete(Nodes, { name: "worker" });
  await client.create(Nodes, { metadata: { name: "worker" }, spec: {} });
  const back = await cluster.until(Nodes, { name: "worker" }, (found) => !!found?.spec?.taints?.length);
  assert.equal(back?.metadata.labels?.["kuscia.secretflow/namespace"], "alice");
  const after = await cluster.until(Domains, { name: "alice" }, (found) => {
    return unused(found).length === 1 && !unused(found).includes(token);
  });
  assert.equal(after?.status?.deployTokenStatuses?.find((status) => status.token === token)?.state, "used");
  await cluster.until(Secrets, secret, (found) => found === undefined);
  const next = { ...secret, name: `bootstrap-token-${unused(after)[0]?.slice(0, 6)}` };
  const lost = await cluster.until(Secrets, next, (found) => found !== undefined);
  await client.delete(Secrets, next);
  const again = await cluster.until(Secrets, next, (found) => !!found && found.metadata.uid !== lost?.metadata.uid);
  assert.deepEqual(again?.data, lost?.data);
  // As after a kill between the Domain's end and the token's.
  await client.create(Secrets, {
    metadata: {
      ...secret,
      name: "bootstrap-token-orphan",
      labels: { "kuscia.secretflow/domain-name": "nobody" },
    },
    type: "bootstrap.kubernetes.io/token",
    data: {},
  });
  await cluster.until(Secrets, { ...secret, name: "bootstrap-token-orphan" }, (found) => found === undefined);
  await client.delete(Domains, { name: "alice" });
  await cluster.until(Secrets, next, (found) => found === undefined);
  rmSync(directory, { recursive: true });
  await purge(cluster);
  const left = await cluster.until(Nodes, { name: "worker" }, (found) => !found?.metadata.labels);
  assert.deepEqual(left?.spec?.taints, [{ key: taint.key, effect: taint.effect }], "the machine is still the tenant's");
});
