// What is used, what is allowed and how many there are: top, quotas, limits and autoscalers as kubectl shows them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pods } from "@capstan/api/generated/resources";
import { createMetrics } from "@capstan/cluster/apiserver/metrics";
import { kubectlMissing, NodeCluster, nodeMissing, TestCluster } from "../cluster/index.ts";
import { createPaperNode, createPaperStats } from "../node/index.ts";

const skip = kubectlMissing() ?? false;
const at = (name: string) => ({ namespace: "default", name });
const Mi = 2 ** 20;

function kubectlOf(cluster: TestCluster) {
  return async (line: string, input?: string) => {
    const { stdout, stderr, code } = await cluster.kubectl(line.split(" "), input);
    assert.equal(code, 0, `kubectl ${line}: ${stderr}`);
    return stdout + stderr;
  };
}

const running = (cluster: TestCluster, name: string) =>
  cluster.until(Pods, at(name), (pod) => pod?.status?.phase === "Running");

test("top shows pods, containers and nodes, by selector, in order, and with their sums", { skip }, async () => {
  const uses: Record<string, { cores: number; memory: number }> = {
    web: { cores: 0.25, memory: 64 * Mi },
    side: { cores: 0.1, memory: 16 * Mi },
  };
  let cluster: TestCluster | undefined;
  const source = createPaperStats(
    () => (cluster as TestCluster).informers,
    (_, container) => uses[container],
    { cores: 2, memory: 4096 * Mi },
  );
  await using made = await TestCluster.start({
    extensions: [createMetrics({ source, window: 100 })],
    parts: (started) => {
      cluster = started;
      return createPaperNode({ ...started, binds: true });
    },
  });
  const run = kubectlOf(made);
  for (const [name, names] of [
    ["a", ["web"]],
    ["b", ["web", "side"]],
  ] as const) {
    const containers = names.map((own) => ({ name: own, image: "i" }));
    await made.client.create(Pods, { metadata: { ...at(name), labels: { app: name } }, spec: { containers } });
    await running(made, name);
  }
  assert.match(
    await run("top pods --sort-by=cpu"),
    /^NAME +CPU\(cores\) +MEMORY\(bytes\) +\nb +35\dm +80Mi +\na +25\dm/,
  );
  assert.match(await run("top pod b --containers"), /POD +NAME +CPU.*\nb +side +10\dm +16Mi +\nb +web +25\dm +64Mi/);
  assert.match(await run("top pods -A -l app=a --no-headers --sum"), /default +a +25\dm +64Mi/);
  assert.match(
    await run("top nodes"),
    /^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) +\npaper +200\dm +25% +4096Mi +25%/,
  );
  assert.match(await run("get pods.metrics.k8s.io a"), /^NAME +CPU +MEMORY +WINDOW\na +25\d+n +65536Ki +[\d.]+s/);
  assert.match(await run("get nodes.metrics.k8s.io -o name"), /^nodemetrics\.metrics\.k8s\.io\/paper|^paper/m);
  assert.match(
    await run("api-resources --api-group=metrics.k8s.io"),
    /pods +metrics\.k8s\.io\/v1beta1 +true +PodMetrics/,
  );
  const { stderr } = await made.kubectl(["top", "pod", "none"]);
  assert.match(stderr, /podmetrics\.metrics\.k8s\.io "default\/none" not found/);
});

test("top tells what a real pod uses", { skip: nodeMissing() ?? skip }, async () => {
  await using real = await NodeCluster.start();
  const { cluster } = real;
  const command = ["/opt/capstan/node_modules/node/bin/node", "-e", "console.log(1);for(;;);"];
  await cluster.client.create(Pods, {
    metadata: at("busy"),
    spec: { nodeName: real.node.name, containers: [{ name: "c", image: "capstan/host", command }] },
  });
  await running(cluster, "busy");
  const [, cores = "0", memory = "0"] = /busy +(\d+)m +(\d+)Mi/.exec(await kubectlOf(cluster)("top pods")) ?? [];
  assert.ok(Number(cores) > 20 && Number(memory) > 5, `${cores}m ${memory}Mi`);
  assert.match(await kubectlOf(cluster)("top nodes"), /^node-1 +\d+m +\d+% +\d+Mi +\d+%/m);
});
