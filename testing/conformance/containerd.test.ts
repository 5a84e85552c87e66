// A pod of a node whose containers are containerd's, as kubectl sees it.
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Nodes, Pods, Secrets } from "@capstan/api/generated/resources";
import type { InProcessContainer } from "@capstan/core/runtime";
import { kubectlMissing, NodeCluster } from "../cluster/index.ts";
import { type Containerd, containerdMissing, startContainerd } from "../containerd/index.ts";

const skip = kubectlMissing() ?? containerdMissing() ?? false;
const ref = { namespace: "default", name: "p" };
const main = `echo begun; mkdir -p /tmp/www; echo page >/tmp/www/index.html; httpd -p 8080 -h /tmp/www
while read -r line; do echo "heard $line"; done; sleep 1000`;
let containerd: Containerd;
let parts: NodeCluster;

before(async () => {
  if (skip) return;
  containerd = await startContainerd();
  parts = await NodeCluster.start({ endpoint: containerd.endpoint, inProcess: new Map([["test/inside", inside]]) });
});
after(async () => {
  if (skip) return;
  await containerd?.[Symbol.asyncDispose]();
});

/** A container that is a part of the agent, beside one of containerd's. */
async function inside({ waitFor, resolve, print }: InProcessContainer) {
  const { exitCode } = await waitFor("main");
  print(`main ended with ${exitCode} and wrote ${readFileSync(resolve("main", "/srv/result"), "utf8")}`);
  return 0;
}

test("a pod runs: pulled, with its volumes, variables, files and address", { skip }, async () => {
  const { cluster, node } = parts;
  await cluster.client.create(Secrets, { metadata: { namespace: "default", name: "s" }, data: { key: btoa("value") } });
  await cluster.client.create(Pods, {
    metadata: ref,
    spec: {
      nodeName: node.name,
      terminationGracePeriodSeconds: 0,
      volumes: [
        { name: "secret", secret: { secretName: "s" } },
        { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ],
      initContainers: [
        {
          name: "first",
          image: containerd.pullable,
          command: ["sh", "-c", "echo from the first >/memory/note"],
          volumeMounts: [{ name: "memory", mountPath: "/memory" }],
        },
      ],
      containers: [
        {
          name: "c",
          image: containerd.pullable,
          command: ["sh", "-c", main],
          stdin: true,
          env: [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
          resources: { limits: { memory: "64Mi", cpu: "500m" } },
          readinessProbe: { httpGet: { port: 8080, path: "/index.html" }, periodSeconds: 1 },
          volumeMounts: [
            { name: "secret", mountPath: "/secret", readOnly: true },
            { name: "secret", mountPath: "/one", subPath: "key" },
            { name: "memory", mountPath: "/memory" },
          ],
        },
      ],
    },
  });
  const pod = await cluster.until(Pods, ref, (one) =>
    (one?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
  );
  const read = await cluster.kubectl([
    "exec",
    "p",
    "--",
    "sh",
    "-c",
    "cat /memory/note /secret/key /one; echo; hostname; echo $POD_IP",
  ]);
  assert.equal(read.stdout, `from the first\nvaluevalue\np\n${pod?.status?.podIP}\n`);
  assert.match(pod?.status?.podIP ?? "", /^10\.(3[2-9]|[45]\d|6[0-3])\./);
  const [status] = pod?.status?.containerStatuses ?? [];
  assert.match(status?.imageID ?? "", /^sha256:/);
  assert.match(status?.containerID ?? "", /^containerd:\/\/[0-9a-f]{64}$/);
  const { nodeInfo } = (await cluster.client.get(Nodes, { name: node.name })).status ?? {};
  assert.match(nodeInfo?.containerRuntimeVersion ?? "", /^containerd:\/\/\d/);
});

test("logs, exec, attach and port-forward by kubectl", { skip }, async () => {
  const { cluster } = parts;
  assert.equal((await cluster.kubectl(["logs", "p", "-c", "c"])).stdout, "begun\n");
  const run = await cluster.kubectl(["exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.deepEqual([run.stdout, run.code], ["out\n", 7]);
  assert.match(run.stderr, /^err\n/m);
  const big = "x".repeat(1024 * 1024);
  assert.equal((await cluster.kubectl(["exec", "-i", "p", "--", "cat"], big)).stdout, big);
  const attached = await start("attach", "-i", "p");
  attached.stdin.write("you\n");
  assert.match(await textUntil(attached, /heard you/), /heard you/);
  attached.kill();
  const forward = await start("port-forward", "p", ":8080");
  const line = await textUntil(forward, /127\.0\.0\.1:\d+/);
  const socket = connect(Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]), "127.0.0.1");
  socket.write("GET /index.html HTTP/1.0\r\n\r\n");
  let text = "";
  for await (const chunk of socket) text += chunk;
  assert.match(text, /page\n$/);
  forward.kill();
});

test("a part of the agent and a container of containerd's are one pod", { skip }, async () => {
  const { cluster, node } = parts;
  const name = "both";
  await cluster.client.create(Pods, {
    metadata: { namespace: "default", name },
    spec: {
      nodeName: node.name,
      restartPolicy: "Never",
      containers: [
        { name: "main", image: containerd.image, command: ["sh", "-c", "printf this >/srv/result; exit 3"] },
        { name: "inside", image: "test/inside:1" },
      ],
    },
  });
  await cluster.until(Pods, { namespace: "default", name }, (pod) => pod?.status?.phase === "Failed");
  const { stdout } = await cluster.kubectl(["logs", name, "-c", "inside"]);
  assert.equal(stdout, "main ended with 3 and wrote this\n");
});

test("pods of this machine's own files run beside them; in one pod both are refused", { skip }, async () => {
  const { cluster, node } = parts;
  const create = (name: string, ...images: string[]) =>
    cluster.client.create(Pods, {
      metadata: { namespace: "default", name },
      spec: {
        nodeName: node.name,
        terminationGracePeriodSeconds: 0,
        containers: images.map((image, index) => ({ name: `c${index}`, image, command: ["sleep", "1000"] })),
      },
    });
  await create("own", "capstan/host");
  await create("mixed", "capstan/host", containerd.image);
  const own = await cluster.until(
    Pods,
    { namespace: "default", name: "own" },
    (pod) => pod?.status?.phase === "Running",
  );
  assert.match(own?.status?.containerStatuses?.[0]?.containerID ?? "", /^capstan:/);
  const page = `http://${(await cluster.client.get(Pods, ref)).status?.podIP}:8080/index.html`;
  const read = await cluster.kubectl(["exec", "own", "--", "wget", "-qO-", page]);
  assert.equal(read.stdout, "page\n", "pods of both reach each other");
  const mixed = await cluster.until(Pods, { namespace: "default", name: "mixed" }, (pod) =>
    (pod?.status?.containerStatuses ?? []).some(({ state }) => state?.waiting?.message?.includes("a pod of its own")),
  );
  const states = (mixed?.status?.containerStatuses ?? []).map(({ state }) => state?.waiting?.reason);
  assert.ok(states.includes("CreateContainerConfigError"));
});

test("a stopped node leaves nothing in containerd, no mount and no cgroup", { skip }, async () => {
  const { dataDir } = parts.node;
  await parts[Symbol.asyncDispose]();
  assert.equal(containerd.ctr("containers", "ls", "-q"), "");
  assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(dataDir));
  const instance = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const groups = readdirSync("/sys/fs/cgroup").flatMap((name) => readdirSync(join("/sys/fs/cgroup", name)));
  assert.deepEqual(
    groups.filter((name) => name.includes(instance)),
    [],
  );
});

/** A kubectl that goes on until it is killed. */
async function start(...args: string[]): Promise<ChildProcessWithoutNullStreams> {
  const { url } = await parts.cluster.listen();
  const env = { PATH: process.env.PATH, HOME: containerd.directory, KUBECONFIG: "/dev/null" };
  return spawn("kubectl", ["--server", url, ...args], { env, signal: parts.cluster.signal });
}

/** What it says until the wanted words come; fails with all it said when it ends before. */
async function textUntil(child: ChildProcessWithoutNullStreams, wanted: RegExp): Promise<string> {
  let text = "";
  const ended = once(child, "close").then(() => assert.fail(`kubectl ended: ${text}`));
  const heard = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        text += chunk;
        if (wanted.test(text)) resolve(text);
      });
    }
  });
  return Promise.race([heard, ended]);
}
