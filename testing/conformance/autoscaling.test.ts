// What is used, what is allowed and how many there are: top, quotas, limits and autoscalers as kubectl shows them.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Deployments,
  Events,
  HorizontalPodAutoscalers,
  Pods,
  ReplicationControllers,
  ResourceQuotas,
} from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createAdmission } from "@capstan/cluster/apiserver/admission";
import { createMetrics } from "@capstan/cluster/apiserver/metrics";
import { createControllers } from "@capstan/cluster/controllers";
import { createAutoscalerController } from "@capstan/cluster/controllers/autoscaling";
import { createDeploymentController } from "@capstan/cluster/controllers/deployment";
import { createReplicaSetController } from "@capstan/cluster/controllers/replicaset";
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

test("autoscale, get hpa and describe hpa, while a deployment grows", { skip }, async () => {
  let made: TestCluster | undefined;
  const source = createPaperStats(
    () => (made as TestCluster).informers,
    () => ({ cores: 0.2, memory: 32 * Mi }),
  );
  await using cluster = await TestCluster.start({
    extensions: [createMetrics({ source, window: 20, freshness: 0 })],
    parts: (started) => {
      made = started;
      return [
        createDeploymentController(started),
        createReplicaSetController(started),
        createPaperNode({ ...started, binds: true }),
        createAutoscalerController({ ...started, syncPeriod: 50, cpuInitialization: 0 }),
      ];
    },
  });
  const run = kubectlOf(cluster);
  await run("create deployment web --image=i");
  await run("autoscale deployment web --min=2 --max=4 --cpu-percent=50");
  const fails = await cluster.until(HorizontalPodAutoscalers, at("web"), ({ status } = {} as never) => {
    return status?.conditions?.some(({ reason }) => reason === "FailedGetResourceMetric") ?? false;
  });
  assert.match(
    fails?.status?.conditions?.map(({ message }) => message).join("\n") ?? "",
    /compute the replica count: failed to get cpu utilization: missing request for cpu in container i of Pod web-/,
  );
  await run("set resources deployment web --requests=cpu=100m,memory=64Mi");
  await cluster.until(Deployments, at("web"), ({ status, spec } = {} as never) => {
    return spec?.replicas === 4 && status?.readyReplicas === 4 && status.replicas === 4;
  });
  await cluster.until(HorizontalPodAutoscalers, at("web"), ({ status } = {} as never) => {
    return status?.currentReplicas === 4 && status.conditions?.some(({ type }) => type === "ScalingLimited") === true;
  });
  assert.match(
    await run("get hpa web"),
    /^NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE\nweb +Deployment\/web +cpu: (20\d|19\d)%\/50% +2 +4 +4 /,
  );
  const { items } = await cluster.client.list(Events, { fieldSelector: "reason=SuccessfulRescale" });
  assert.ok(items.length > 0);
  const described = await run("describe hpa web");
  assert.match(described, /resource cpu on pods +\(as a percentage of request\): +\d+% \(\d+m\) \/ 50%/);
  assert.match(described, /Deployment pods: +4 current \/ 4 desired/);
  assert.match(
    described,
    /ScalingActive +True +ValidMetricFound +the HPA was able to successfully calculate a replica/,
  );
  assert.match(described, /ScalingLimited +True +TooManyReplicas +the desired replica count is more than the maximum/);
  assert.match(described, /Normal +SuccessfulRescale .* New size: \d; reason: /);
});

const pod = (name: string, resources: object) =>
  JSON.stringify({
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name } },
    spec: { containers: [{ name: "c", image: "i", resources }] },
  });

/** A cluster with all controllers and all of admission but accounts. */
async function wholeCluster() {
  const cluster: TestCluster = await TestCluster.start({
    extensions: [createAdmission({ log: silent, client: () => cluster.client })],
    parts: (made) => [...createControllers({ ...made, rootCa: "none" }), createPaperNode({ ...made, binds: true })],
  });
  const fails = async (line: string, input?: string) => {
    const { stderr, code } = await cluster.kubectl(line.split(" "), input);
    assert.notEqual(code, 0, `kubectl ${line} should fail`);
    return stderr;
  };
  return { cluster, run: kubectlOf(cluster), fails, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

test("a quota counts what there is, and refuses what is beyond it", { skip }, async () => {
  await using whole = await wholeCluster();
  const { run, fails, cluster } = whole;
  await run("create quota q --hard=pods=2,requests.cpu=1,configmaps=3");
  const uses = (name: string, amount: string) =>
    cluster.until(ResourceQuotas, at("q"), (quota) => quota?.status?.used?.[name] === amount);
  await uses("pods", "0");
  await run("create -f -", pod("a", { requests: { cpu: "600m" } }));
  await uses("requests.cpu", "600m");
  assert.match(
    await fails("create -f -", pod("b", { requests: { cpu: "500m" } })),
    /exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1/,
  );
  assert.match(await fails("create -f -", pod("b", {})), /failed quota: q: must specify requests.cpu for: c/);
  assert.match(await run("get quota"), /q +configmaps: \d\/3, pods: 1\/2, requests.cpu: 600m\/1/);
  assert.match(await run("describe quota q"), /pods +1 +2\nrequests.cpu +600m +1/);
  await run("delete pod a");
  await uses("pods", "0");
  await run("create -f -", pod("b", { requests: { cpu: "1" } }));
});

test("a limit range gives containers defaults, and refuses what is beyond its bounds", { skip }, async () => {
  await using whole = await wholeCluster();
  const { run, fails, cluster } = whole;
  const limits = {
    ...{ apiVersion: "v1", kind: "LimitRange", metadata: { name: "l" } },
    spec: {
      limits: [
        {
          type: "Container",
          default: { cpu: "500m" },
          defaultRequest: { cpu: "100m" },
          max: { cpu: "1" },
          min: { cpu: "50m" },
        },
      ],
    },
  };
  await run("create -f -", JSON.stringify(limits));
  assert.match(await run("describe limits l"), /Container +cpu +50m +1 +100m +500m +-/);
  await run("create -f -", pod("a", {}));
  const { spec, metadata } = await cluster.client.get(Pods, at("a"));
  assert.deepEqual(spec.containers[0]?.resources, { limits: { cpu: "500m" }, requests: { cpu: "100m" } });
  assert.equal(
    metadata.annotations?.["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu request for container c; cpu limit for container c",
  );
  assert.match(
    await fails("create -f -", pod("b", { limits: { cpu: "2" }, requests: { cpu: "10m" } })),
    /is forbidden: \[minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, but limit is 2\]/,
  );
});

test("a replication controller is scaled, shown and deleted with its pods", { skip }, async () => {
  await using whole = await wholeCluster();
  const { run, cluster } = whole;
  const labels = { app: "old" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  const old = { apiVersion: "v1", kind: "ReplicationController", metadata: { name: "old" }, spec: { template } };
  await run("create -f -", JSON.stringify(old));
  assert.match(await run("scale rc old --replicas=2"), /replicationcontroller\/old scaled/);
  await cluster.until(ReplicationControllers, at("old"), (found) => found?.status?.readyReplicas === 2);
  assert.match(await run("get rc old -o wide"), /old +2 +2 +2 +\d+s +c +i +app=old/);
  assert.match(await run("describe rc old"), /Pods Status: +2 Running \/ 0 Waiting/);
  const { items } = await cluster.client.list(Pods, { namespace: "default" });
  await run("delete rc old");
  for (const { metadata } of items) await cluster.until(Pods, at(metadata.name), (found) => !found);
});
