// Pods across agents, and what is special about some of them.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Container, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes, Pods } from "@capstan/api/generated/resources";
import type { InProcessProgram } from "@capstan/core/runtime";
import { nodeMissing, startTestNode, TestCluster, type TestNode } from "@capstan/testing/cluster";

const skip = nodeMissing();
const namespace = "default";
let dataDir: string;
let cluster: TestCluster;
let node: TestNode;
let made = 0;

/** Writes for the main container, waits for it, and repeats what it said. */
const helper: InProcessProgram = async (container) => {
  if (container.args[0] === "init") {
    writeFileSync(container.resolve("main", "/work/in"), "from the agent\n");
    container.print("staged");
    return 0;
  }
  const { exitCode } = await container.waitFor("main");
  let said = "";
  for await (const bytes of container.logs("main")) said += Buffer.from(bytes).toString();
  container.print(`${exitCode} ${said.trim()} ${readFileSync(container.resolve("main", "/tmp/out"), "utf8").trim()}`);
  return 0;
};

const startNode = () => startTestNode(cluster, { dataDir, inProcess: new Map([["test/helper", helper]]) });

before(async () => {
  if (skip) return;
  dataDir = mkdtempSync(join(tmpdir(), "capstan-restart-"));
  cluster = await TestCluster.start();
  node = await startNode();
});
after(async () => {
  if (skip) return;
  await node[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

function container(script: string, extra: Partial<Container> = {}): Container {
  return { name: "main", image: "capstan/host", command: ["sh", "-c", script], ...extra };
}

async function run(containers: Container[], spec: Partial<PodSpec> = {}) {
  const ref = { namespace, name: `pod-${made++}` };
  const base = { nodeName: "node-1", terminationGracePeriodSeconds: 0, containers };
  await cluster.client.create(Pods, { metadata: ref, spec: { ...base, ...spec } });
  return ref;
}

const until = (ref: { namespace: string; name: string }, wanted: (pod: Pod) => boolean) =>
  cluster.until(Pods, ref, (pod) => pod !== undefined && wanted(pod)) as Promise<Pod>;
const message = (pod: Pod, name = "main") =>
  [...(pod.status?.containerStatuses ?? []), ...(pod.status?.ephemeralContainerStatuses ?? [])].find(
    (one) => one.name === name,
  )?.state?.terminated?.message;
const ended = (ref: { namespace: string; name: string }) =>
  until(ref, ({ status }) => ["Succeeded", "Failed"].includes(status?.phase ?? ""));

test("a program of the agent shares files and logs with the containers of its pod", { skip }, async () => {
  const volumeMounts = [{ name: "w", mountPath: "/work" }];
  const inside = (name: string, arg: string): Container => ({
    name,
    image: "test/helper:1",
    args: [arg],
    terminationMessagePolicy: "FallbackToLogsOnError",
  });
  const ref = await run(
    [container("cat /work/in; echo result >/tmp/out; exit 3", { volumeMounts }), inside("wait", "wait")],
    {
      restartPolicy: "Never",
      initContainers: [inside("init", "init")],
      volumes: [{ name: "w", emptyDir: {} }],
    },
  );
  const pod = await ended(ref);
  const of = (name: string) =>
    pod.status?.containerStatuses?.find((one) => one.name === name)?.state?.terminated?.exitCode;
  assert.deepEqual([of("main"), of("wait")], [3, 0]);
  const [run0] = node.runtime.runtime.listContainers().filter(({ config }) => config.name === "wait");
  assert.match(readFileSync(run0?.config.logPath ?? "", "utf8"), / stdout F 3 from the agent result\n$/);
});

test("a program of the agent waits for a container that a stop of the node cut off until it has ended", {
  skip,
}, async () => {
  const mounts = { volumeMounts: [{ name: "w", mountPath: "/work" }] };
  const path = join(dataDir, "cut");
  const script = "[ -e /work/begun ] || { touch /work/begun; exec sleep 1000; }; echo result >/tmp/out; exit 3";
  const wait: Container = { name: "wait", image: "test/helper:1", args: ["wait"] };
  const ref = await run([container(script, mounts), wait], {
    restartPolicy: "Never",
    volumes: [{ name: "w", hostPath: { path, type: "DirectoryOrCreate" } }],
  });
  await until(ref, ({ status }) => status?.containerStatuses?.every(({ state }) => state?.running) ?? false);
  while (!existsSync(join(path, "begun"))) await new Promise((resolve) => setImmediate(resolve));
  await node[Symbol.asyncDispose]();
  node = await startNode();
  const pod = await ended(ref);
  const codes = pod.status?.containerStatuses?.map(({ name, state }) => [name, state?.terminated?.exitCode]);
  assert.deepEqual(Object.fromEntries(codes ?? []), { main: 3, wait: 0 });
});

test("memory volumes are a tmpfs of the pod, claims are the bound volume's directory", { skip }, async () => {
  const path = join(dataDir, "disk");
  const capacity = { storage: "1Gi" };
  const accessModes = ["ReadWriteOnce"];
  await cluster.client.create(PersistentVolumes, {
    metadata: { name: "pv" },
    spec: {
      capacity,
      accessModes,
      hostPath: { path, type: "DirectoryOrCreate" },
      claimRef: { namespace, name: "claim" },
    },
  });
  await cluster.client.create(PersistentVolumeClaims, {
    metadata: { namespace, name: "claim" },
    spec: { accessModes, resources: { requests: capacity }, volumeName: "pv" },
  });
  const script = "df -T /m | tail -1 | awk '{print $2, $3}' >/dev/termination-log; echo x >/d/made";
  const volumeMounts = [
    { name: "m", mountPath: "/m" },
    { name: "d", mountPath: "/d", subPath: "sub" },
  ];
  const ref = await run([container(script, { volumeMounts })], {
    restartPolicy: "Never",
    volumes: [
      { name: "m", emptyDir: { medium: "Memory", sizeLimit: "8Mi" } },
      { name: "d", persistentVolumeClaim: { claimName: "claim" } },
    ],
  });
  await until(ref, ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "ContainerCreating");
  await cluster.client.patch(
    PersistentVolumeClaims,
    { namespace, name: "claim" },
    { type: "merge", body: { status: { phase: "Bound" } } },
    { subresource: "status" },
  );
  assert.equal(message(await ended(ref)), "tmpfs 8192\n");
  assert.ok(existsSync(join(path, "sub/made")));
});

test("a pod on the node's network has the node's address", { skip }, async () => {
  const ref = await run(
    [container("test -e /sys/class/net/lo && ls /sys/class/net | grep -c capstan >/dev/termination-log")],
    { hostNetwork: true, restartPolicy: "Never" },
  );
  const pod = await ended(ref);
  assert.equal(pod.status?.podIP, pod.status?.hostIP);
  assert.ok(Number(message(pod)) >= 1);
});

test("an ephemeral container joins a running pod", { skip }, async () => {
  const ref = await run([container("exec sleep 1000")]);
  await until(ref, ({ status }) => status?.phase === "Running");
  const ephemeralContainers = [
    { name: "debug", image: "capstan/host", command: ["sh", "-c", "hostname >/dev/termination-log"] },
    {
      name: "look",
      image: "capstan/host",
      targetContainerName: "main",
      command: ["sh", "-c", "tr '\\0' ' ' </proc/1/cmdline >/dev/termination-log"],
    },
  ];
  const body = { spec: { ephemeralContainers } };
  await cluster.client.patch(Pods, ref, { type: "strategic", body }, { subresource: "ephemeralcontainers" });
  const pod = await until(ref, (one) => message(one, "debug") !== undefined);
  assert.equal(message(pod, "debug"), `${ref.name}\n`);
  const looked = await until(ref, (one) => message(one, "look") !== undefined);
  assert.equal(message(looked, "look"), "sleep 1000 ");
  assert.equal(pod.status?.phase, "Running");
});

test("a pod whose sandbox dies starts again in a new one", { skip }, async () => {
  const ref = await run([container("exec sleep 1000")]);
  const before = await until(ref, ({ status }) => status?.phase === "Running");
  const sandboxes = join(dataDir, "runtime/sandboxes");
  const sandbox = node.runtime.runtime.listPodSandboxes().find(({ config }) => config.name === ref.name);
  process.kill(Number(readFileSync(join(sandboxes, sandbox?.id ?? "", "pid"), "utf8")), "SIGKILL");
  const after = await until(
    ref,
    ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && status.podIP !== before.status?.podIP,
  );
  assert.equal(after.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
});

test("another agent goes on with what runs: no restart, no moment of not being ready", { skip }, async () => {
  const probe = { exec: { command: ["test", "-e", "/tmp/up"] }, periodSeconds: 1, failureThreshold: 1 };
  const ref = await run([
    container("touch /tmp/up; exec sleep 1000", { startupProbe: probe, readinessProbe: probe, livenessProbe: probe }),
  ]);
  const ready = (pod: Pod) => pod.status?.containerStatuses?.[0]?.ready === true;
  const before = await until(ref, ready);
  const late = await run([container("trap 'exit 0' TERM; sleep 1000 & wait")], { terminationGracePeriodSeconds: 5 });
  await until(late, ready);
  const unready: Pod[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    const options = { namespace, fieldSelector: `metadata.name=${ref.name}`, signal: watching.signal };
    for await (const event of cluster.client.watch(Pods, options)) {
      if (event.type !== "BOOKMARK" && !ready(event.object)) unready.push(event.object);
    }
  })();
  await node.stopAgent();
  await cluster.client.delete(Pods, late);
  await node.restartAgent();
  await cluster.until(Pods, late, (pod) => pod === undefined);
  await cluster.client.patch(Pods, ref, { type: "merge", body: { metadata: { labels: { seen: "yes" } } } });
  const after = await until(ref, ({ metadata }) => metadata.labels?.seen === "yes");
  watching.abort();
  await watched;
  assert.deepEqual(unready, []);
  const [old, now] = [before, after].map((pod) => pod.status?.containerStatuses?.[0]);
  assert.deepEqual([now?.containerID, now?.restartCount], [old?.containerID, 0]);
});

test("what the node's stop cut off starts again, whatever its policy; what had ended stays so", { skip }, async () => {
  const marker = join(dataDir, "again");
  const volumeMounts = [{ name: "h", mountPath: "/h" }];
  const volumes = [{ name: "h", hostPath: { path: dataDir } }];
  const never = await run([container("[ -e /h/again ] || exec sleep 1000; exit 6", { volumeMounts })], {
    restartPolicy: "Never",
    volumes,
  });
  const always = await run([container("exec sleep 1000")]);
  const done = await run([container("exit 0")], { restartPolicy: "Never" });
  for (const ref of [never, always]) await until(ref, ({ status }) => status?.phase === "Running");
  await ended(done);
  const gone = await run([container("exec sleep 1000")]);
  await until(gone, ({ status }) => status?.phase === "Running");
  await node[Symbol.asyncDispose]();
  assert.equal((await cluster.client.get(Pods, never)).status?.phase, "Running");
  await cluster.client.delete(Pods, gone, { gracePeriodSeconds: 0 });
  writeFileSync(marker, "");
  node = await startNode();
  const failed = await ended(never);
  assert.equal(failed.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 6);
  const running = await until(
    always,
    ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && status.containerStatuses[0].ready,
  );
  assert.ok(running.status?.podIP);
  assert.equal((await cluster.client.get(Pods, done)).status?.containerStatuses?.[0]?.restartCount, 0);
  const left = node.runtime.runtime.listPodSandboxes().map(({ config }) => config.name);
  assert.ok(!left.includes(gone.name));
  const logs = readdirSync(join(dataDir, "node/logs"));
  assert.ok(
    logs.some((name) => name.includes(`_${always.name}_`)) && !logs.some((name) => name.includes(`_${gone.name}_`)),
  );
});
