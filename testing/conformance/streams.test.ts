// Logs, exec, attach, copy and port-forward as kubectl does them, through the API server to a real pod.
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Pods } from "@capstan/api/generated/resources";
import { createStreams } from "@capstan/cluster/apiserver/streams";
import { openAuthority } from "@capstan/core/pki";
import { kubectlMissing, nodeMissing, startTestNode, TestCluster, type TestNode } from "../cluster/index.ts";

const skip = kubectlMissing() ?? nodeMissing() ?? false;
const node = "/opt/capstan/node_modules/node/bin/node";
const server = `require("net").createServer((s)=>s.end("hello\\n")).listen(8080,()=>console.log("ready"));
process.stdin.on("data",(d)=>console.log("heard "+d));`;
let directory: string;
let cluster: TestCluster;
let agent: TestNode;

before(async () => {
  if (skip) return;
  directory = await mkdtemp(join(tmpdir(), "capstan-streams-"));
  const authority = await openAuthority({ directory: join(directory, "pki") });
  const names = { commonName: "kube-apiserver-kubelet-client", organizations: ["system:masters"] };
  const pair = await authority.issue({ ...names, usages: ["client"] });
  const extensions = [createStreams({ client: { ca: authority.cert, ...pair } })];
  cluster = await TestCluster.start({ extensions });
  agent = await startTestNode(cluster, { dataDir: directory });
  await cluster.client.create(Pods, {
    metadata: { namespace: "default", name: "p" },
    spec: {
      nodeName: agent.name,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "c", image: "capstan/host", command: [node, "-e", server], stdin: true }],
    },
  });
  await cluster.until(Pods, { namespace: "default", name: "p" }, (pod) =>
    (pod?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
  );
});
after(async () => {
  if (skip) return;
  await agent?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test("logs", { skip }, async () => {
  // A pod is ready when its program has begun, which may be before it has said so.
  let said = "";
  while (!said) said = (await cluster.kubectl(["logs", "p"])).stdout;
  assert.equal(said, "ready\n");
  const { stderr, code } = await cluster.kubectl(["logs", "p", "-c", "none"]);
  assert.equal(code, 1);
  assert.match(stderr, /container none is not valid for pod p/);
});

test("exec keeps streams apart, hands input on, and returns the exit code", { skip }, async () => {
  const run = await cluster.kubectl(["exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.equal(run.stdout, "out\n");
  assert.match(run.stderr, /^err\n/);
  assert.equal(run.code, 7);
  const big = "x".repeat(1024 * 1024);
  assert.equal((await cluster.kubectl(["exec", "-i", "p", "--", "cat"], big)).stdout, big);
  const missing = await cluster.kubectl(["exec", "p", "--", "no-such-program"]);
  assert.notEqual(missing.code, 0);
});

test("attach reaches the container's own process", { skip }, async () => {
  const attached = await start("attach", "-i", "p");
  attached.stdin.write("you\n");
  assert.match(await textUntil(attached, /heard you/), /heard you/);
  attached.kill();
});

test("files are copied in and out", { skip }, async () => {
  const [from, back] = [join(directory, "from"), join(directory, "back")];
  await writeFile(from, "content");
  const into = await cluster.kubectl(["cp", from, "p:/tmp/copied"]);
  assert.equal(into.code, 0, into.stderr);
  const out = await cluster.kubectl(["cp", "p:/tmp/copied", back]);
  assert.equal(out.code, 0, out.stderr);
  assert.equal(await readFile(back, "utf8"), "content");
});

test("a port of the pod becomes a port here", { skip }, async () => {
  const forward = await start("port-forward", "p", ":8080");
  const line = await textUntil(forward, /127\.0\.0\.1:\d+/);
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
  for (let i = 0; i < 3; i++) {
    let text = "";
    for await (const chunk of connect(port, "127.0.0.1")) text += chunk;
    assert.equal(text, "hello\n");
  }
  forward.kill();
});

/** A kubectl that goes on until it is killed. */
async function start(...args: string[]): Promise<ChildProcessWithoutNullStreams> {
  const { url } = await cluster.listen();
  const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: "/dev/null" };
  return spawn("kubectl", ["--server", url, ...args], { env, signal: cluster.signal });
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
