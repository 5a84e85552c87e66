// Policies between real pods: what is let through is asked for and answered, the rest is met with silence.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, test } from "node:test";
import type { NetworkPolicySpec } from "@capstan/api/generated/networking-v1";
import { Events, Namespaces, NetworkPolicies } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createRecorder } from "@capstan/core/reconcile";
import { addressAt, canBridge, nftMissing, parseCidr } from "@capstan/core/runtime";
import { TestCluster } from "@capstan/testing/cluster";
import { startOutside, TestNetwork, type TestPod } from "@capstan/testing/network";
import { createPolicyEngine, type PolicyEngine } from "./index.ts";

const skip = canBridge() ? (nftMissing() ?? false) : "pods with networks of their own need root and the program ip";
const short = 120;
// A network for each run on this machine, of those that are for measurements.
const outer = `198.19.${process.pid % 256}`;
let net: TestNetwork;
let engine: PolicyEngine;
let web: TestPod;
let api: TestPod;
let other: TestPod;

before(async () => {
  if (skip) return;
  net = await TestNetwork.start(({ cluster, network }) => {
    const { client, informers } = cluster;
    const { podCidr, serviceCidr, dnsIp, bridge = "" } = network;
    engine = createPolicyEngine({
      informers,
      recorder: createRecorder(client, { component: "tester" }),
      network: { podCidr, serviceCidr, dnsIp, gateway: addressAt(parseCidr(podCidr), 1), table: `${bridge}_policies` },
      log: silent,
    });
    return [engine];
  });
  await engine.ready;
  await net.cluster.client.create(Namespaces, { metadata: { name: "far", labels: { team: "far" } }, spec: {} });
  const ports = [{ name: "http", containerPort: 8080 }];
  [web, api, other] = await Promise.all([
    net.pod("web", { labels: { app: "web" }, tcp: [8080, 9090], udp: [5000], ports }),
    net.pod("api", { labels: { app: "api" }, tcp: [8080] }),
    net.pod("other", { namespace: "far", labels: { app: "other" }, tcp: [8080] }),
  ]);
});
after(async () => {
  await net?.[Symbol.asyncDispose]();
});

let made = 0;
/** Holds while the test body runs. */
async function withPolicy(spec: NetworkPolicySpec, enforced: () => Promise<boolean>, body: () => Promise<void>) {
  const { client } = net.cluster;
  const ref = { namespace: "default", name: `policy-${made++}` };
  await client.create(NetworkPolicies, { metadata: ref, spec });
  try {
    await net.eventually(enforced, Boolean);
    await body();
  } finally {
    await client.delete(NetworkPolicies, ref);
    await net.eventually(enforced, (value) => !value);
  }
}

const silentAt =
  (from: () => TestPod, to: () => TestPod, port = 8080) =>
  async () =>
    (await from().ask(to().ip, port, { wait: short })) === "silence";

test("without policies everybody reaches everybody", { skip }, async () => {
  assert.equal(await other.ask(web.ip, 8080), `web ${other.ip}`);
  assert.equal(await web.ask(other.ip, 8080), `other ${web.ip}`);
  assert.equal(await api.ask(web.ip, 5000, { protocol: "udp" }), `web ${api.ip}`);
});

test("a default deny of ingress leaves egress, answers and the pod itself", { skip }, async () => {
  const spec = { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] };
  await withPolicy(
    spec,
    silentAt(
      () => api,
      () => web,
    ),
    async () => {
      assert.equal(await other.ask(web.ip, 8080, { wait: short }), "silence");
      assert.equal(await api.ask(web.ip, 5000, { protocol: "udp", wait: short }), "silence");
      assert.equal(await web.ask(api.ip, 8080), `api ${web.ip}`);
      assert.equal(await web.ask(web.ip, 8080), `web ${web.ip}`);
    },
  );
});

test("selectors of pods and namespaces, named ports and ranges", { skip }, async () => {
  const spec = {
    podSelector: { matchLabels: { app: "web" } },
    ingress: [
      { from: [{ podSelector: { matchLabels: { app: "api" } } }], ports: [{ port: "http" }] },
      { from: [{ namespaceSelector: { matchLabels: { team: "far" } } }], ports: [{ port: 9000, endPort: 9100 }] },
    ],
  };
  await withPolicy(
    spec,
    silentAt(
      () => other,
      () => web,
    ),
    async () => {
      assert.equal(await api.ask(web.ip, 8080), `web ${api.ip}`);
      assert.equal(await api.ask(web.ip, 9090, { wait: short }), "silence");
      assert.equal(await other.ask(web.ip, 9090), `web ${other.ip}`);
      assert.equal(await api.ask(web.ip, 5000, { protocol: "udp", wait: short }), "silence");
    },
  );
});

test("egress to a block of addresses alone: everything else is out of reach, but answers leave", { skip }, async () => {
  const upper = addressAt(parseCidr(net.network.podCidr), 2 ** 14);
  const spec = {
    podSelector: { matchLabels: { app: "api" } },
    policyTypes: ["Egress"],
    egress: [
      { to: [{ ipBlock: { cidr: net.network.podCidr, except: [`${web.ip}/32`, `${upper}/18`, `${upper}/19`] } }] },
    ],
  };
  await withPolicy(
    spec,
    silentAt(
      () => api,
      () => web,
    ),
    async () => {
      assert.equal(await api.ask(other.ip, 8080), `other ${api.ip}`);
      assert.equal(await web.ask(api.ip, 8080), `api ${web.ip}`);
    },
  );
});

test("the name server is a pod of kube-system, as far as egress is concerned; the node itself is in reach", {
  skip,
}, async () => {
  const { dnsIp, podCidr } = net.network;
  const gateway = addressAt(parseCidr(podCidr), 1);
  const names = createSocket("udp4").on("message", (_, { port, address }) => names.send("name", port, address));
  names.bind(53, dnsIp);
  const node = createServer((socket) => socket.end("node")).listen(0, gateway);
  await Promise.all([once(names, "listening"), once(node, "listening")]);
  const ask = () => api.ask(dnsIp, 53, { protocol: "udp", wait: short });
  const deny = { podSelector: { matchLabels: { app: "api" } }, policyTypes: ["Egress"] };
  const to = [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ];
  const held = silentAt(
    () => api,
    () => web,
  );
  assert.equal(await ask(), "name");
  await withPolicy(deny, held, async () => {
    assert.equal(await ask(), "silence");
    assert.equal(await api.ask(gateway, (node.address() as AddressInfo).port), "node");
  });
  await withPolicy({ ...deny, egress: [{ to, ports: [{ port: 53, protocol: "UDP" }] }] }, held, async () => {
    assert.equal(await ask(), "name");
  });
  names.close();
  node.close();
});

test("a port that another program publishes on the machine: the address that the pod asked counts", {
  skip,
}, async () => {
  const servers = { [`${outer}.99`]: "published" };
  await using _ = await startOutside({ here: `${outer}.1/24`, servers, port: 8081 });
  const table = `docker${process.pid}`;
  const rule = `ip daddr ${outer}.1 tcp dport 55557 dnat ip to ${outer}.99:8081`;
  const chain = `chain in { type nat hook prerouting priority -100\n${rule}\n}`;
  spawnSync("nft", ["-f", "-"], { input: `table ip ${table} {\n${chain}\n}\n` });
  const spec = (port: number) => ({
    podSelector: { matchLabels: { app: "api" } },
    policyTypes: ["Egress"],
    egress: [{ to: [{ ipBlock: { cidr: `${outer}.1/32` } }], ports: [{ port }] }],
  });
  try {
    const held = silentAt(
      () => api,
      () => web,
    );
    await withPolicy(spec(55_557), held, async () => {
      assert.match(await api.ask(`${outer}.1`, 55_557), /published/);
      assert.equal(await api.ask(`${outer}.99`, 8081, { wait: short }), "silence");
    });
    await withPolicy(spec(1), held, async () => {
      assert.equal(await api.ask(`${outer}.1`, 55_557, { wait: short }), "silence");
    });
  } finally {
    spawnSync("nft", ["delete", "table", "ip", table]);
  }
});

test("a pod that a policy selects is isolated before its program starts", { skip }, async () => {
  const spec = { podSelector: { matchLabels: { app: "late" } }, policyTypes: ["Ingress", "Egress"] };
  const late = await net.pod("late", { labels: { app: "late" }, tcp: [8080] });
  await withPolicy(
    spec,
    silentAt(
      () => api,
      () => late,
    ),
    async () => {
      let seen = "";
      const before = async (_: unknown, ip: string) => {
        // Nobody has told the engine of this address: it is a stranger.
        seen = await api.ask(ip, 8080, { wait: short });
      };
      const later = await net.pod("later", { labels: { app: "late" }, tcp: [8080], before });
      assert.equal(seen, "silence");
      assert.equal(await later.ask(api.ip, 8080, { wait: short }), "silence");
      const free = await net.pod("free", { before: (pod, ip) => engine.admit(pod, ip) });
      assert.equal(await free.ask(api.ip, 8080), `api ${free.ip}`);
      await Promise.all([later.remove(), free.remove()]);
    },
  );
  await late.remove();
});

test("stopping leaves no rules", { skip }, async () => {
  const { bridge } = net.network;
  const shown = () => spawnSync("nft", ["list", "tables"], { encoding: "utf8" }).stdout;
  assert.match(shown(), new RegExp(`${bridge}_policies`));
  await net[Symbol.asyncDispose]();
  assert.ok(!shown().includes(`${bridge}_policies`));
  assert.ok(!shown().includes(`table ip ${bridge}\n`));
});

test("rules that the kernel refused are tried again", { skip }, async () => {
  const table = `capstantest${process.pid}`;
  const ranges = { podCidr: `${outer}.0/25`, serviceCidr: `${outer}.128/25`, gateway: `${outer}.1` };
  const network = { ...ranges, dnsIp: "no address", table };
  let engine: PolicyEngine | undefined;
  await using _ = await TestCluster.start({
    parts: ({ informers, client }) => {
      const recorder = createRecorder(client, { component: "tester" });
      engine = createPolicyEngine({ informers, recorder, network, log: silent });
      return engine;
    },
  });
  await engine?.ready;
  assert.match(engine?.missing() ?? "", /nft, table capstantest/);
  network.dnsIp = `${outer}.130`;
  await net.eventually(
    async () => engine?.missing(),
    (missing) => missing === undefined,
  );
});

test("what cannot be enforced is said of the policy", async () => {
  await using cluster = await TestCluster.start({
    parts: ({ informers, client }) =>
      createPolicyEngine({ informers, recorder: createRecorder(client, { component: "tester" }), log: silent }),
  });
  const metadata = { namespace: "default", name: "deny" };
  await cluster.client.create(NetworkPolicies, { metadata, spec: { podSelector: {} } });
  for await (const event of cluster.client.watch(Events, { namespace: "default", signal: cluster.signal })) {
    if (event.type !== "ADDED") continue;
    assert.equal(event.object.reason, "NotEnforced");
    assert.match(event.object.message ?? "", /not enforced: pods have no network of their own/);
    return;
  }
});
