// The same Services, with real pods, in both modes: by the kernel's packet rules and in user space.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Service, ServiceSpec } from "@capstan/api/generated/core-v1";
import { EndpointSlices, NetworkPolicies, Services } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createRecorder } from "@capstan/core/reconcile";
import { addressAt, canBridge, createNftMonitor, nftMissing, parseCidr } from "@capstan/core/runtime";
import { TestNetwork, type TestPod } from "@capstan/testing/network";
import {
  createLoadBalancers,
  createPolicyEngine,
  createServiceProxy,
  type PolicyEngine,
  type ProxyMode,
} from "./index.ts";

const skip = canBridge() ? (nftMissing() ?? false) : "pods with networks of their own need root and the program ip";

// Another one for each run of this machine, below what the kernel gives to clients.
const hostPort = 20_000 + (process.pid % 10_000);

/** Asks from the node itself. */
function askFromNode(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = "";
    socket.on("data", (data) => (text += data));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.on("end", () => resolve(text));
  });
}

for (const mode of ["userspace", "nftables"] satisfies ProxyMode[]) {
  describe(`mode ${mode}`, { skip }, () => {
    let net: TestNetwork;
    let policies: PolicyEngine;
    let a: TestPod;
    let b: TestPod;
    let client: TestPod;
    let gateway = "";
    let made = 0;

    before(async () => {
      net = await TestNetwork.start(({ cluster, network }) => {
        const { informers, client: api } = cluster;
        const { podCidr, serviceCidr, dnsIp, bridge = "" } = network;
        gateway = addressAt(parseCidr(podCidr), 1);
        const recorder = createRecorder(api, { component: "tester" });
        const monitor = createNftMonitor(silent);
        const policyNetwork = { podCidr, serviceCidr, dnsIp, gateway, table: `${bridge}_policies` };
        policies = createPolicyEngine({ informers, recorder, network: policyNetwork, monitor, log: silent });
        const proxy = createServiceProxy({
          informers,
          mode,
          monitor,
          nodeAddresses: ["127.0.0.1", gateway],
          kernel: { podCidr, serviceCidr, table: `${bridge}_services` },
          recorder,
          allows: policies.allows,
          log: silent,
        });
        return [monitor, policies, proxy, createLoadBalancers({ client: api, informers, log: silent })];
      });
      [a, b, client] = await Promise.all([
        net.pod("a", {
          labels: { app: "web" },
          tcp: [8080],
          udp: [5000],
          ports: [{ containerPort: 8080, hostPort }],
        }),
        net.pod("b", { labels: { app: "web" }, tcp: [8080], udp: [5000] }),
        net.pod("client", { labels: { app: "client" }, tcp: [8080] }),
      ]);
    });
    after(async () => {
      await net?.[Symbol.asyncDispose]();
    });

    interface Behind {
      ip: string;
      port?: number;
      ready?: boolean;
      serving?: boolean;
      node?: string;
    }
    async function service(endpoints: Behind[], spec: Partial<ServiceSpec> = {}, annotations = {}): Promise<Service> {
      const name = `svc-${made++}`;
      const metadata = { namespace: "default", name };
      const ports = [{ name: "p", port: 80, protocol: "TCP" }];
      const created = await net.cluster.client.create(Services, {
        metadata: { ...metadata, annotations },
        spec: { ports, ...spec },
      });
      await endpointsOf(created, endpoints, false);
      return created;
    }
    async function endpointsOf({ metadata, spec }: Service, endpoints: Behind[], update = true) {
      const [{ protocol = "TCP" } = {}] = spec.ports ?? [];
      const { client: api } = net.cluster;
      const slice = {
        metadata: {
          namespace: "default",
          name: metadata.name,
          labels: { "kubernetes.io/service-name": metadata.name },
        },
        addressType: "IPv4",
        endpoints: endpoints.map(({ ip, ready = true, serving = ready, node }) => ({
          addresses: [ip],
          conditions: { ready, serving, terminating: serving && !ready },
          ...(node ? { nodeName: node } : {}),
        })),
        ports: [{ name: "p", port: endpoints[0]?.port ?? (protocol === "UDP" ? 5000 : 8080), protocol }],
      };
      if (!update) return await api.create(EndpointSlices, slice);
      const present = await api.get(EndpointSlices, { namespace: "default", name: metadata.name });
      return await api.update(EndpointSlices, { ...present, ...slice, metadata: present.metadata });
    }
    const vip = ({ spec }: Service) => spec.clusterIP ?? "";
    const answers = (text: string) => text.startsWith("a ") || text.startsWith("b ");
    const served = (host: string, port = 80, from: Pick<TestPod, "ask"> = client) =>
      net.eventually(() => from.ask(host, port, { wait: 300 }), answers);
    const several = async (count: number, look: () => Promise<string>) => {
      const all: string[] = [];
      for (let time = 0; time < count; time++) all.push((await look()).split(" ")[0] ?? "");
      return all.sort();
    };

    test("pods and the node reach endpoints in turn, and a pod itself", async () => {
      const made = await service([{ ip: a.ip }, { ip: b.ip }]);
      await served(vip(made));
      assert.deepEqual(await several(4, () => client.ask(vip(made), 80)), ["a", "a", "b", "b"]);
      assert.deepEqual(await several(4, () => askFromNode(vip(made), 80)), ["a", "a", "b", "b"]);
      assert.deepEqual(await several(4, () => a.ask(vip(made), 80)), ["a", "a", "b", "b"]);
      const seen = await client.ask(vip(made), 80);
      if (mode === "nftables") assert.match(seen, new RegExp(` ${client.ip}$`));
    });

    test("endpoints come and go; without any, connections are refused", async () => {
      const made = await service([{ ip: a.ip }]);
      await served(vip(made));
      await endpointsOf(made, [{ ip: b.ip }]);
      await net.eventually(
        () => client.ask(vip(made), 80),
        (text) => text.startsWith("b "),
      );
      await endpointsOf(made, []);
      await net.eventually(
        () => client.ask(vip(made), 80),
        (text) => text === "ECONNREFUSED",
      );
    });

    test("terminating endpoints serve while there are no others", async () => {
      const made = await service([{ ip: a.ip, ready: false, serving: true }]);
      assert.match(await served(vip(made)), /^a /);
      await endpointsOf(made, [{ ip: a.ip, ready: false, serving: true }, { ip: b.ip }]);
      await net.eventually(
        () => client.ask(vip(made), 80),
        (text) => text.startsWith("b "),
      );
      assert.deepEqual(await several(3, () => client.ask(vip(made), 80)), ["b", "b", "b"]);
    });

    test("node ports, host ports, external addresses and load balancers", async () => {
      const made = await service([{ ip: b.ip }], { type: "LoadBalancer", externalIPs: ["192.0.2.77"] });
      const nodePort = made.spec.ports?.[0]?.nodePort ?? 0;
      const ref = { namespace: "default", name: made.metadata.name };
      const status = await net.cluster.until(Services, ref, (one) => Boolean(one?.status?.loadBalancer?.ingress));
      assert.deepEqual(status?.status?.loadBalancer?.ingress, [{ ip: vip(made), ipMode: "VIP" }]);
      await served(vip(made));
      const node = { ask: askFromNode };
      for (const host of ["127.0.0.1", gateway]) assert.match(await served(host, nodePort, node), /^b /);
      assert.match(await served(gateway, nodePort), /^b /);
      assert.match(await served("192.0.2.77"), /^b /);
      for (const host of ["127.0.0.1", gateway]) assert.match(await served(host, hostPort, node), /^a /);
    });

    test("external traffic stays on the machine where that is asked for, and the health check says so", async () => {
      const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
      const made = await service([{ ip: a.ip }, { ip: b.ip, node: "node-1" }], spec);
      const nodePort = made.spec.ports?.[0]?.nodePort ?? 0;
      await served(gateway, nodePort);
      assert.deepEqual(await several(3, () => client.ask(gateway, nodePort)), ["b", "b", "b"]);
      assert.deepEqual(await several(4, () => client.ask(vip(made), 80)), ["a", "a", "b", "b"]);
      const url = `http://${gateway}:${made.spec.healthCheckNodePort}/`;
      const healthy = await fetch(url);
      assert.equal(healthy.status, 200);
      assert.equal(((await healthy.json()) as { localEndpoints: number }).localEndpoints, 1);
      await endpointsOf(made, [{ ip: a.ip }]);
      await net.eventually(
        async () => (await fetch(url)).status,
        (code) => code === 503,
      );
    });

    test("a client stays where it was while its endpoint is there", async () => {
      const made = await service([{ ip: a.ip }, { ip: b.ip }], { sessionAffinity: "ClientIP" });
      const [first = ""] = (await served(vip(made))).split(" ");
      assert.deepEqual(await several(4, () => client.ask(vip(made), 80)), Array(4).fill(first));
      const other = first === "a" ? b : a;
      await endpointsOf(made, [{ ip: other.ip }]);
      await net.eventually(
        () => client.ask(vip(made), 80),
        (text) => answers(text) && !text.startsWith(first),
      );
    });

    test("schedulers that count connections", async () => {
      const made = await service([{ ip: a.ip }, { ip: b.ip }], {}, { "capstan.dev/scheduler": "lc" });
      await served(vip(made));
      assert.deepEqual(await several(4, () => client.ask(vip(made), 80)), ["a", "a", "b", "b"]);
    });

    test("datagrams", async () => {
      const made = await service([{ ip: a.ip }], { ports: [{ name: "p", port: 80, protocol: "UDP" }] });
      const ask = () => client.ask(vip(made), 80, { protocol: "udp", wait: 100 });
      await net.eventually(ask, (text) => text.startsWith("a "));
      await endpointsOf(made, [{ ip: b.ip }]);
      await net.eventually(ask, (text) => text.startsWith("b "));
    });

    test("servers outside the cluster behind one address", async () => {
      const server = createServer((socket) => socket.end("a outside"));
      server.listen(0, gateway);
      await once(server, "listening");
      const bound = server.address();
      const port = typeof bound === "object" && bound ? bound.port : 0;
      const made = await service([{ ip: gateway, port }]);
      assert.equal(await served(vip(made)), "a outside");
      server.close();
    });

    test("a policy looks at the endpoint that was chosen and the client that asked", async () => {
      const made = await service([{ ip: a.ip }, { ip: client.ip }]);
      await served(vip(made));
      const ref = { namespace: "default", name: "only-client" };
      const from = [{ podSelector: { matchLabels: { app: "client" } } }];
      const spec = { podSelector: { matchLabels: { app: "web" } }, ingress: [{ from }] };
      await net.cluster.client.create(NetworkPolicies, { metadata: ref, spec });
      await net.eventually(
        () => b.ask(a.ip, 8080, { wait: 120 }),
        (text) => text === "silence",
      );
      const turns = await several(4, () => b.ask(vip(made), 80, { wait: 120 }));
      assert.ok(!turns.includes("a"), turns.join());
      assert.ok(turns.includes("client"), turns.join());
      assert.ok((await several(2, () => client.ask(vip(made), 80))).includes("a"));
      assert.ok((await several(2, () => askFromNode(vip(made), 80))).includes("a"));
      await net.cluster.client.delete(NetworkPolicies, ref);
    });

    test("rules that somebody deletes come back", async () => {
      const made = await service([{ ip: a.ip }], { externalIPs: ["192.0.2.78"] });
      assert.match(await served("192.0.2.78"), /^a /);
      const ref = { namespace: "default", name: "deny" };
      const spec = { podSelector: { matchLabels: { app: "web" } } };
      await net.cluster.client.create(NetworkPolicies, { metadata: ref, spec });
      await net.eventually(
        () => client.ask(a.ip, 8080, { wait: 120 }),
        (text) => text === "silence",
      );
      const { bridge } = net.network;
      for (const table of [`${bridge}_policies`, `${bridge}_services`]) {
        const { status } = spawnSync("nft", ["delete", "table", "ip", table]);
        assert.equal(status, 0, table);
      }
      await net.eventually(
        () => client.ask(a.ip, 8080, { wait: 120 }),
        (text) => text === "silence",
      );
      await net.cluster.client.delete(NetworkPolicies, ref);
      assert.match(await served("192.0.2.78"), /^a /);
      assert.match(await served(vip(made)), /^a /);
    });

    test("stopping leaves no rules", async () => {
      const { bridge } = net.network;
      await net[Symbol.asyncDispose]();
      assert.ok(!spawnSync("nft", ["list", "tables"], { encoding: "utf8" }).stdout.includes(`${bridge}_`));
    });
  });
}
