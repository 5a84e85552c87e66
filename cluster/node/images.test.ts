// Images out of a registry become pods' containers.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Container, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { Nodes, Pods, Secrets } from "@capstan/api/generated/resources";
import type { PullProgress } from "@capstan/core/runtime";
import { NodeCluster, nodeMissing, type TestCluster } from "@capstan/testing/cluster";
import { programsMissing } from "@capstan/testing/programs";
import { account, basic, HostileRegistry, makeImage, programLayer, TestRegistry } from "@capstan/testing/registry";

const skip = nodeMissing() ?? programsMissing("docker-registry");
const delays = { base: 50, cap: 200, reset: 600_000 };
const namespace = "default";
let fixture: NodeCluster;
let cluster: TestCluster;
let open: TestRegistry;
let closed: TestRegistry;
let made = 0;

const config = {
  Entrypoint: ["/bin/sh", "-c"],
  Cmd: ["id -u; id -g; pwd; echo $WORD; cat file; echo changed >file && cat file"],
  Env: ["PATH=/bin", "WORD=from the image"],
  WorkingDir: "/home/user",
  User: "user",
};
const files = [
  { path: "etc", type: "5" },
  { path: "etc/passwd", content: "root:x:0:0::/:/bin/sh\nuser:x:1234:567::/home/user:/bin/sh\n" },
  { path: "home/user", type: "5", uid: 1234, gid: 567 },
  { path: "home/user/file", content: "from a layer\n", uid: 1234 },
];

before(async () => {
  if (skip) return;
  const image = makeImage({ layers: [programLayer(["sh", "id", "cat", "sleep", "ls"]), files], config });
  [open, closed] = await Promise.all([TestRegistry.start(), TestRegistry.start({ auth: "htpasswd" })]);
  await open.push("tool:1", image);
  await closed.push("team/tool:1", image, basic);
  const many = Array.from({ length: 120 }, (_, at) => [{ path: `many/${at}`, content: `${at}\n` }]);
  const volume = [
    { path: "data", type: "5", uid: 7 },
    { path: "data/given", content: "given\n" },
  ];
  const deep = makeImage({
    layers: [programLayer(["sh", "cat", "sleep", "ls"]), ...many, volume],
    config: { Volumes: { "/data": {}, "/fresh": {} }, StopSignal: "SIGQUIT" },
  });
  await open.push("deep:1", deep);
  await open.push("other-machine:1", makeImage({ layers: [], architecture: "sparc" }));
  const mirrors = { "registry.example": [`http://${open.host}`] };
  fixture = await NodeCluster.start({ delays, registries: { mirrors } });
  cluster = fixture.cluster;
});
after(async () => {
  await fixture?.[Symbol.asyncDispose]();
  await Promise.all([open, closed].map((registry) => registry?.[Symbol.asyncDispose]()));
});

async function run(image: string, rest: Partial<Container> = {}, spec: Partial<PodSpec> = {}) {
  const ref = { namespace, name: `pod-${made++}` };
  const containers = [{ name: "main", image, ...rest }];
  const base = { nodeName: "node-1", restartPolicy: "Never", terminationGracePeriodSeconds: 5, containers };
  await cluster.client.create(Pods, { metadata: ref, spec: { ...base, ...spec } });
  return ref;
}

const until = (ref: { name: string }, wanted: (pod: Pod) => boolean) =>
  cluster.until(Pods, { namespace, ...ref }, (pod) => pod !== undefined && wanted(pod)) as Promise<Pod>;
const state = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state;
const waiting = (ref: { name: string }, reason: string) => until(ref, (pod) => state(pod)?.waiting?.reason === reason);

async function output(ref: { name: string }): Promise<string> {
  await until(ref, ({ status }) => ["Succeeded", "Failed"].includes(status?.phase ?? ""));
  const { stdout, stderr } = await cluster.kubectl(["logs", ref.name]);
  return stdout + stderr;
}

test("an image's programs, user, directory, variables and files; what it writes stays in the container", {
  skip,
}, async () => {
  const expected = "1234\n567\n/home/user\nfrom the image\nfrom a layer\nchanged\n";
  assert.equal(await output(await run("registry.example/tool:1")), expected);
  assert.equal(await output(await run(`${open.host}/tool:1`)), expected);
  const node = await cluster.until(Nodes, { name: "node-1" }, (one) =>
    Boolean(one?.status?.images?.some(({ names = [] }) => names.includes("registry.example/tool:1"))),
  );
  const image = node?.status?.images?.find(({ names = [] }) => names.includes("registry.example/tool:1"));
  assert.ok((image?.sizeBytes ?? 0) > 100_000);
});

test("a pod's own command, user and read-only root count more", { skip }, async () => {
  const command = ["sh", "-c", "exec 2>&1; id -u; pwd; echo x >/etc/x || echo refused"];
  const securityContext = { runAsUser: 7, readOnlyRootFilesystem: true };
  const ref = await run("registry.example/tool:1", { command, workingDir: "/etc", securityContext });
  assert.match(await output(ref), /^7\n\/etc\n[\s\S]*refused\n/);
});

test("an image of very many layers; its volumes are writable on a read-only root, its signal stops it", {
  skip,
}, async () => {
  const script = `
    exec 2>&1
    ls many | { n=0; while read l; do n=$((n + 1)); done; echo $n; }
    cat /data/given; echo x >/data/x && echo y >/fresh/y && cat /data/x /fresh/y
    echo z >/many/z || echo refused
    trap 'echo bye >/out/end; exit 0' QUIT; echo >/fresh/up
    while :; do sleep 0.05; done`;
  const out = mkdtempSync(join(tmpdir(), "capstan-out-"));
  try {
    const main = {
      command: ["/bin/sh", "-c", script],
      securityContext: { readOnlyRootFilesystem: true },
      startupProbe: { exec: { command: ["cat", "/fresh/up"] }, periodSeconds: 1 },
      volumeMounts: [{ name: "out", mountPath: "/out" }],
    };
    const ref = await run("registry.example/deep:1", main, { volumes: [{ name: "out", hostPath: { path: out } }] });
    await until(ref, ({ status }) => status?.containerStatuses?.[0]?.started === true);
    const { stdout } = await cluster.kubectl(["logs", ref.name]);
    assert.match(stdout, /^120\ngiven\nx\ny\n[\s\S]*refused\n$/);
    await cluster.client.delete(Pods, ref, {});
    await cluster.until(Pods, ref, (pod) => pod === undefined);
    assert.equal(readFileSync(join(out, "end"), "utf8"), "bye\n");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test("the node tells how far its pulls are, and what a container's image is", { skip }, async () => {
  await using slow = await HostileRegistry.start();
  const image = makeImage({ layers: [[{ path: "x", content: "1" }]], config: { Cmd: ["/x"] } });
  const asked = Promise.withResolvers<() => void>();
  slow.answer = ({ url }, response) => {
    const content = [...image.blobs].find(([digest, bytes]) => url?.includes(digest) && bytes[0] === 0x1f)?.[1];
    if (content) asked.resolve(() => response.end(content));
    return content !== undefined;
  };
  const name = slow.put("slow:1", image);
  const ref = await run(name);
  const goOn = await asked.promise;
  const { stdout } = await cluster.kubectl(["get", "--raw", "/api/v1/nodes/node-1/proxy/imagepulls"]);
  const [pull] = (JSON.parse(stdout) as { pulls: PullProgress[] }).pulls;
  assert.deepEqual([pull?.image, pull?.layers[0]?.state], [name, "downloading"]);
  goOn();
  const pod = await until(ref, ({ status }) => status?.phase === "Failed");
  assert.equal(pod.status?.containerStatuses?.[0]?.imageID, `${name.replace(/:1$/, "")}@${image.top.digest}`);
});

test("credentials are tried one after the other", { skip }, async () => {
  const image = `${closed.host}/team/tool:1`;
  const args = ["echo opened"];
  const denied = await waiting(await run(image, { args }), "ImagePullBackOff");
  assert.match(state(denied)?.waiting?.message ?? "", /pull access denied for team\/tool: .*imagePullSecrets/);
  const auths = { [closed.host]: account };
  const secret = (name: string, type: string, key: string, content: unknown) =>
    cluster.client.create(Secrets, {
      metadata: { namespace, name },
      type,
      data: { [key]: Buffer.from(JSON.stringify(content)).toString("base64") },
    });
  await secret("wrong", "kubernetes.io/dockercfg", ".dockercfg", { [closed.host]: { ...account, password: "no" } });
  await secret("right", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", { auths });
  const imagePullSecrets = [{ name: "absent" }, { name: "wrong" }, { name: "right" }];
  assert.equal(await output(await run(image, { args }, { imagePullSecrets })), "opened\n");
});

test("what cannot be had says why, in the kubelet's words", { skip }, async () => {
  const never = await waiting(
    await run("registry.example/absent:1", { imagePullPolicy: "Never" }),
    "ErrImageNeverPull",
  );
  assert.match(state(never)?.waiting?.message ?? "", /is not present with pull policy of Never/);
  const invalid = await waiting(await run("registry.example/UPPER:1"), "InvalidImageName");
  assert.match(state(invalid)?.waiting?.message ?? "", /repository name must be lowercase/);
  const other = await waiting(await run("registry.example/other-machine:1"), "ImagePullBackOff");
  assert.match(state(other)?.waiting?.message ?? "", /it is for linux\/sparc, and this machine is linux/);
});
