// What a node says of itself and its pods, as Prometheus and kubectl ask for it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Pods } from "@capstan/api/generated/resources";
import { NodeCluster, nodeMissing, type TestCluster } from "@capstan/testing/cluster";
import { Exposition } from "./exposition.ts";

const skip = nodeMissing();
let fixture: NodeCluster;
let cluster: TestCluster;

before(async () => {
  if (skip) return;
  fixture = await NodeCluster.start();
  cluster = fixture.cluster;
});
after(async () => {
  await fixture?.[Symbol.asyncDispose]();
});

async function get(path: string): Promise<string> {
  const { stdout, stderr, code } = await cluster.kubectl(["get", "--raw", `/api/v1/nodes/node-1/proxy/${path}`]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The value of the first sample with this name and these labels. */
function sample(text: string, name: string, ...labels: string[]): number {
  const line = text.split("\n").find((one) => one.startsWith(name) && labels.every((label) => one.includes(label)));
  assert.ok(line, `${name} ${labels} is not in\n${text}`);
  const labelled = line.includes("}");
  return Number(
    line
      .slice(line.indexOf(labelled ? "}" : " ") + 1)
      .trim()
      .split(" ")[0],
  );
}

test("processors, memory, network, disk and probes of a pod", { skip }, async () => {
  const ref = { namespace: "default", name: "busy" };
  const script = [
    "head -c 2000000 /dev/zero >/usr/written",
    "head -c 1000000 /dev/zero >/v/file",
    "(exec 3<>/dev/tcp/$HOST/9 ) 2>/dev/null",
    "touch /tmp/done; exec sleep 1000",
  ].join("; ");
  await cluster.client.create(Pods, {
    metadata: ref,
    spec: {
      nodeName: "node-1",
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [
        {
          name: "main",
          image: "capstan/host",
          command: ["bash", "-c", script],
          env: [{ name: "HOST", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } }],
          resources: { limits: { memory: "64Mi" } },
          volumeMounts: [{ name: "v", mountPath: "/v" }],
          readinessProbe: { exec: { command: ["test", "-e", "/tmp/done"] }, periodSeconds: 1 },
        },
      ],
    },
  });
  await cluster.until(Pods, ref, (pod) => pod?.status?.containerStatuses?.[0]?.ready === true);
  const labels = ['container="main"', 'namespace="default"', 'pod="busy"'];
  const containers = await get("metrics/cadvisor");
  assert.ok(sample(containers, "container_cpu_usage_seconds_total", 'cpu="total"', ...labels) > 0);
  assert.ok(sample(containers, "container_memory_working_set_bytes", ...labels) > 0);
  assert.ok(sample(containers, "container_fs_usage_bytes", ...labels) >= 2_000_000);
  assert.equal(sample(containers, "container_spec_memory_limit_bytes", ...labels), 64 * 2 ** 20);
  assert.ok(sample(containers, "container_network_transmit_packets_total", 'interface="eth0"', 'pod="busy"') > 0);
  const resource = await get("metrics/resource");
  assert.ok(sample(resource, "pod_cpu_usage_seconds_total", 'pod="busy"') > 0);
  assert.equal(sample(resource, "resource_scrape_error"), 0);
  const probes = await get("metrics/probes");
  assert.ok(sample(probes, "prober_probe_total", 'probe_type="Readiness"', 'result="successful"', ...labels) >= 1);
  assert.equal(sample(await get("metrics"), "kubelet_running_pods"), 1);
  const summary = JSON.parse(await get("stats/summary"));
  assert.ok(summary.node.fs.capacityBytes > summary.node.fs.usedBytes);
  const [pod] = summary.pods;
  assert.equal(pod.network.name, "eth0");
  assert.ok(pod.network.txBytes > 0 && pod.containers[0].rootfs.usedBytes >= 2_000_000);
  assert.equal(pod.volume[0].name, "v");
  assert.ok(pod.volume[0].usedBytes >= 1_000_000 && pod["ephemeral-storage"].usedBytes >= 3_000_000);
});

test("health, settings and pods, for those alone who may ask", { skip }, async () => {
  assert.equal(await get("healthz"), "ok");
  assert.equal(await get("healthz/ping"), "ok");
  const { kubeletconfig } = JSON.parse(await get("configz"));
  assert.equal(kubeletconfig.staticPodPath, `${fixture.node.dataDir}/manifests`);
  assert.equal(JSON.parse(await get("pods")).items[0].metadata.name, "busy");
  assert.equal(JSON.parse(await get("runningpods/")).items.length, 1);
  const unknown = await cluster.kubectl(["get", "--raw", "/api/v1/nodes/node-1/proxy/metrics/none"]);
  assert.match(unknown.stderr, /this node serves no \/metrics\/none/);
});

test("samples are grouped by name, and labels escaped", () => {
  const out = new Exposition();
  out.gauge("a", "First.", { l: 'x"\\\n' }, 1);
  out.counter("b_total", "Second.", {}, 2, new Date(5));
  out.gauge("a", "First.", {}, 3);
  out.gauge("c", "Not known.", {}, undefined);
  const first = '# HELP a First.\n# TYPE a gauge\na{l="x\\"\\\\\\n"} 1\na 3\n';
  assert.equal(out.text(), `${first}# HELP b_total Second.\n# TYPE b_total counter\nb_total 2 5\n`);
});
