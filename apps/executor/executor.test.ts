import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, CustomResourceDefinitions } from "@capstan/api/generated/resources";
import {
  type ResourceTemplate,
  type Template,
  WorkflowArtifactGCTasks,
  WorkflowTaskResults,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import type { Handler } from "@capstan/base/http";
import { TestCluster } from "@capstan/testing/cluster";
import { type PaperContainer, PaperPod } from "@capstan/testing/executor";
import { createExecutorImages } from "./index.ts";

const admin = { name: "admin", groups: ["system:masters"] };
const location = { archiveLocation: { file: { key: "wf/pod" } } };
const containers = [
  {
    name: "init",
    volumeMounts: [
      { name: "staging", mountPath: "/argo/staging" },
      { name: "in", mountPath: "/argo/inputs/artifacts" },
    ],
  },
  { name: "wait" },
  { name: "main", volumeMounts: [{ name: "data", mountPath: "/data" }] },
];

async function start() {
  return TestCluster.start({
    async parts({ client }) {
      for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
      return [];
    },
  });
}

function setUp(cluster: TestCluster | undefined, template: Template, others: Record<string, PaperContainer> = {}) {
  const extra = Object.keys(others).filter((name) => !containers.some((c) => c.name === name));
  const pod = new PaperPod(template, [...containers, ...extra.map((name) => ({ name }))], others);
  const token = pod.resolve("wait", "/var/run/secrets/kubernetes.io/serviceaccount/token");
  for (const name of ["init", "wait", "main"]) {
    const path = pod.resolve(name, "/var/run/secrets/kubernetes.io/serviceaccount/token");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "token");
  }
  assert.ok(token);
  const handler: Handler = (request) => {
    if (!cluster) throw new Error("this program asks the API for nothing");
    assert.equal(request.headers.authorization, "Bearer token");
    return cluster.handler({ ...request, principal: admin });
  };
  const artifacts = join(pod.directory, "artifacts");
  const program = createExecutorImages({ handler, artifacts }).get("capstan/executor");
  if (!program) throw new Error("no program");
  const put = (container: string, path: string, text: string) => {
    const host = pod.resolve(container, path);
    mkdirSync(dirname(host), { recursive: true });
    writeFileSync(host, text);
  };
  return { pod, program, put, artifacts, [Symbol.dispose]: () => pod[Symbol.dispose]() };
}

const result = async (cluster: TestCluster) =>
  cluster.client.get(WorkflowTaskResults, { namespace: "default", name: "wf-1" });

test("init stages the script and loads artifacts, with their modes", async () => {
  using scene = setUp(undefined, {
    script: { image: "i", source: "echo hi" },
    inputs: {
      artifacts: [
        { name: "r", path: "/tmp/r", raw: { data: "raw" }, mode: 0o640 },
        { name: "k", path: "/tmp/k", file: { key: "given/k.txt" } },
        { name: "o", path: "/tmp/o", optional: true, file: { key: "not/there" } },
      ],
    },
  });
  const kept = join(scene.artifacts, "default/given");
  mkdirSync(kept, { recursive: true });
  writeFileSync(join(kept, "k.txt"), "kept");
  assert.equal(await scene.program(scene.pod.container("init")), 0);
  const script = scene.pod.resolve("init", "/argo/staging/script");
  assert.equal(readFileSync(script, "utf8"), "echo hi");
  assert.equal(statSync(script).mode & 0o777, 0o755);
  const at = (name: string) => scene.pod.resolve("init", `/argo/inputs/artifacts/${name}`);
  assert.equal(readFileSync(at("r"), "utf8"), "raw");
  assert.equal(statSync(at("r")).mode & 0o777, 0o640);
  assert.equal(readFileSync(at("k"), "utf8"), "kept");
  assert.deepEqual(readdirSync(dirname(at("r"))).sort(), ["k", "r"]);
});

test("wait collects result, parameters, artifacts and logs, reports them, and ends side-cars", async () => {
  await using cluster = await start();
  using scene = setUp(
    cluster,
    {
      archiveLocation: { file: { key: "wf/pod" }, archiveLogs: true },
      outputs: {
        parameters: [
          { name: "p", valueFrom: { path: "/tmp/p" } },
          { name: "d", valueFrom: { path: "/tmp/none", default: "otherwise" } },
        ],
        artifacts: [
          { name: "plain", path: "/tmp/a.txt", archive: { none: {} }, file: { key: "own/key.txt" } },
          { name: "packed", path: "/data/dir" },
          { name: "zipped", path: "/data/dir", archive: { zip: {} } },
          { name: "maybe", path: "/nowhere", optional: true },
        ],
      },
    },
    { main: { stdout: "out\n\n" }, side: { untilKilled: true } },
  );
  scene.put("main", "/tmp/p", "value\n");
  scene.put("main", "/tmp/a.txt", "content");
  scene.put("main", "/data/dir/sub/x", "x");
  assert.equal(
    await scene.program(scene.pod.container("wait", { ARGO_INCLUDE_SCRIPT_OUTPUT: "true" })),
    0,
    scene.pod.printed.join(),
  );
  const { outputs, metadata } = await result(cluster);
  assert.equal(metadata.labels?.["workflows.argoproj.io/report-outputs-completed"], "true");
  assert.equal(metadata.ownerReferences?.[0]?.uid, "uid-1");
  assert.equal(outputs?.result, "out\n");
  assert.deepEqual(outputs?.parameters, [
    { name: "p", value: "value" },
    { name: "d", value: "otherwise" },
  ]);
  assert.deepEqual(
    outputs?.artifacts?.map(({ name, file }) => [name, file?.key]),
    [
      ["plain", "own/key.txt"],
      ["packed", "wf/pod/packed.tgz"],
      ["zipped", "wf/pod/zipped.zip"],
      ["main-logs", "wf/pod/main.log"],
    ],
  );
  assert.equal(readFileSync(join(scene.artifacts, "default/own/key.txt"), "utf8"), "content");
  assert.equal(readFileSync(join(scene.artifacts, "default/wf/pod/main.log"), "utf8"), "out\n\n");
  assert.deepEqual(readdirSync(join(scene.artifacts, "default/.incoming")), []);
  assert.deepEqual(scene.pod.killed, ["side SIGTERM"]);
  for (const name of ["packed.tgz", "zipped.zip"]) {
    using next = setUp(undefined, { inputs: { artifacts: [{ name: "n", path: "/n", file: { key: "k" } }] } });
    const copy = join(next.artifacts, "default/k");
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, readFileSync(join(scene.artifacts, "default/wf/pod", name)));
    await next.program(next.pod.container("init"));
    assert.equal(readFileSync(next.pod.resolve("init", "/argo/inputs/artifacts/n/sub/x"), "utf8"), "x", name);
  }
});

test("wait runs twice to the same end, as after a restart of the agent", async () => {
  await using cluster = await start();
  const outputs = { artifacts: [{ name: "a", path: "/data/dir", archive: { none: {} } }] };
  using scene = setUp(cluster, { ...location, outputs }, { main: {} });
  scene.put("main", "/data/dir/x", "1");
  for (let i = 0; i < 2; i++) assert.equal(await scene.program(scene.pod.container("wait")), 0);
  assert.equal(readFileSync(join(scene.artifacts, "default/wf/pod/dir/x"), "utf8"), "1");
  assert.deepEqual(readdirSync(join(scene.artifacts, "default/.incoming")), []);
});

test("what is missing or too large is an error that names it, and the rest is reported", async () => {
  await using cluster = await start();
  const outputs = {
    parameters: [{ name: "big", valueFrom: { path: "/tmp/big" } }],
    artifacts: [{ name: "gone", path: "/tmp/gone" }],
  };
  using scene = setUp(cluster, { ...location, outputs }, { main: {} });
  scene.put("main", "/tmp/big", "x".repeat(300_000));
  await assert.rejects(
    scene.program(scene.pod.container("wait")),
    /output parameter big has 300000 bytes, more than 262144 \(limit parameter\).*output artifact gone: there is no \/tmp\/gone/,
  );
  assert.equal((await result(cluster)).metadata.labels?.["workflows.argoproj.io/report-outputs-completed"], "true");
});

test("after a failure of main what is there is kept, and what is not is no error", async () => {
  await using cluster = await start();
  const outputs = {
    parameters: [
      { name: "p", valueFrom: { path: "/tmp/p" } },
      { name: "q", valueFrom: { path: "/tmp/q" } },
    ],
  };
  using scene = setUp(cluster, { ...location, outputs }, { main: { exitCode: 3 } });
  scene.put("main", "/tmp/p", "v");
  assert.equal(await scene.program(scene.pod.container("wait")), 0);
  assert.deepEqual((await result(cluster)).outputs?.parameters, [{ name: "p", value: "v" }]);
});

test("only the end of a long result is kept", async () => {
  await using cluster = await start();
  using scene = setUp(cluster, location, { main: { stdout: `${"a".repeat(2_000_000)}END\n` } });
  await scene.program(scene.pod.container("wait", { ARGO_INCLUDE_SCRIPT_OUTPUT: "true" }));
  const text = (await result(cluster)).outputs?.result ?? "";
  assert.equal(text.length, 256 * 1024 - 1);
  assert.ok(text.endsWith("aEND"));
});

for (const key of ["../other/x", "/../x", "a/../../x", "a//b", "", "a\0b", "x".repeat(2000)]) {
  test(`the key ${JSON.stringify(key.slice(0, 20))} is refused`, async () => {
    using scene = setUp(undefined, { inputs: { artifacts: [{ name: "n", path: "/n", file: { key } }] } });
    await assert.rejects(scene.program(scene.pod.container("init")), /artifact/);
  });
}

test("a data template lists what a store keeps and reports what its expressions make of it", async () => {
  await using cluster = await start();
  const transformation = [{ expression: 'filter(data, {# endsWith ".csv"})' }, { expression: "map(data, {# + '!'})" }];
  const source = { artifactPaths: { name: "in", file: { key: "in" } } };
  using scene = setUp(cluster, { data: { source, transformation } });
  for (const name of ["a.csv", "b.txt", "sub/c.csv"]) {
    const file = join(scene.artifacts, "default/in", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "x");
  }
  assert.equal(await scene.program({ ...scene.pod.container("main"), args: ["data"] }), 0);
  assert.equal((await result(cluster)).outputs?.result, '["in/a.csv!","in/sub/c.csv!"]');
  using wrong = setUp(cluster, { data: { source, transformation: [{ expression: "data.nothing(" }] } });
  const ended = wrong.program({ ...wrong.pod.container("main"), args: ["data"] });
  await assert.rejects(ended, /data\.transformation\[0\]\.expression: /);
});

test("artifacts of a task are deleted, and what could not be is told", async () => {
  await using cluster = await start();
  using scene = setUp(cluster, {});
  const kept = join(scene.artifacts, "default/kept/dir/x");
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, "x");
  const artifacts = {
    gone: { name: "gone", file: { key: "kept/dir" } },
    never: { name: "never", file: { key: "kept/none" } },
    web: { name: "web", http: { url: "http://127.0.0.1:1" } },
  };
  await cluster.client.create(WorkflowArtifactGCTasks, {
    metadata: { name: "t", namespace: "default", labels: { "workflows.argoproj.io/artifact-gc-pod": "7" } },
    spec: { artifactsByNode: { n: { artifacts } } },
  });
  const container = scene.pod.container("main", { ARGO_ARTIFACT_POD_NAME: "7" });
  assert.equal(await scene.program({ ...container, args: ["artifact", "delete"] }), 0);
  assert.deepEqual(readdirSync(join(scene.artifacts, "default/kept")), []);
  const { status } = await cluster.client.get(WorkflowArtifactGCTasks, { namespace: "default", name: "t" });
  const { gone, never, web } = status?.artifactResultsByNode?.n?.artifactResults ?? {};
  assert.deepEqual([gone?.success, never?.success, web?.success], [true, true, false]);
  assert.equal(web?.error, "artifact web: http: artifacts cannot be deleted in this store");
});

test("a Secret that a store needs is read where the pod mounts it, and named where it is not there", async () => {
  const accessKeySecret = { name: "cred", key: "id" };
  const s3 = { endpoint: "127.0.0.1:1", bucket: "b", key: "k", accessKeySecret };
  const template: Template = { inputs: { artifacts: [{ name: "n", path: "/n", s3 }] } };
  using scene = setUp(undefined, template);
  const problem = /artifact n: s3\.accessKeySecret: there is no Secret cred with the key id in the namespace/;
  await assert.rejects(scene.program(scene.pod.container("init")), problem);
  scene.put("init", "/argo/secret/cred/id", "me");
  const missing = { ...s3, secretKeySecret: { name: "cred", key: "secret" } };
  using next = setUp(undefined, { inputs: { artifacts: [{ name: "n", path: "/n", s3: missing }] } });
  next.put("init", "/argo/secret/cred/id", "me");
  await assert.rejects(
    next.program(next.pod.container("init")),
    /s3\.secretKeySecret: there is no Secret cred with the key secret/,
  );
});

test("a resource is made, waited for, and read", async () => {
  await using cluster = await start();
  const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}\ndata: {phase: new}\n";
  using scene = setUp(cluster, {
    resource: {
      action: "create",
      manifest,
      successCondition: "data.phase = done",
      failureCondition: "data.phase == broken",
    },
    outputs: { parameters: [{ name: "phase", valueFrom: { jsonPath: "{.data.phase}" } }] },
  });
  const ended = scene.program(scene.pod.container("main"));
  const ref = { namespace: "default", name: "made" };
  await cluster.until(ConfigMaps, ref, (object) => object !== undefined);
  await cluster.client.patch(ConfigMaps, ref, { type: "merge", body: { data: { phase: "done" } } });
  assert.equal(await ended, 0);
  assert.deepEqual((await result(cluster)).outputs?.parameters, [{ name: "phase", value: "done" }]);
  using patch = setUp(cluster, {
    resource: {
      action: "patch",
      mergeStrategy: "json",
      flags: ["cm", "made"],
      manifest: "- {op: add, path: /data/more, value: '1'}",
    },
  });
  assert.equal(await patch.program(patch.pod.container("main")), 0);
  assert.equal((await cluster.client.get(ConfigMaps, ref)).data?.more, "1");
  using wrong = setUp(cluster, {
    resource: { action: "get", manifest: "apiVersion: v1\nkind: Nothing\nmetadata: {name: x}\n" },
  });
  await assert.rejects(wrong.program(wrong.pod.container("main")), /no kind Nothing in v1/);
});

test("a resource's manifest may be an artifact, its objects may be selected, and flags that mean nothing are told", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const data = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: made-, labels: {a: b}}\n";
  const from: Template = {
    inputs: { artifacts: [{ name: "m", raw: { data } }] },
    resource: { action: "create", manifestFrom: { artifact: { name: "m" } }, setOwnerReference: true },
    outputs: { parameters: [{ name: "n", valueFrom: { jsonPath: "{.metadata.name}" } }] },
  };
  using scene = setUp(cluster, from);
  for (const _ of [1, 2]) assert.equal(await scene.program(scene.pod.container("main")), 0);
  const { items } = await client.list(ConfigMaps, { namespace: "default", labelSelector: "a=b" });
  assert.equal(items.length, 1, "started again, it makes nothing twice");
  const [made] = items;
  assert.match(made?.metadata.name ?? "", /^made-[a-z0-9]{5}$/);
  assert.equal(made?.metadata.ownerReferences?.[0]?.kind, "Workflow");
  assert.deepEqual((await result(cluster)).outputs?.parameters, [{ name: "n", value: made?.metadata.name }]);
  const act = async (resource: ResourceTemplate, outputs: Template["outputs"] = {}) => {
    using other = setUp(cluster, { resource, outputs });
    return await other.program(other.pod.container("main"));
  };
  await assert.rejects(act({ action: "delete", flags: ["cm", "--recursive"] }), /--recursive is not supported/);
  await assert.rejects(act({ action: "get", flags: ["cm", "-l", "a=b"] }), /needs one object with a name/);
  assert.equal(await act({ action: "delete", flags: ["configmap", "--selector", "a=b"] }), 0);
  assert.equal((await client.list(ConfigMaps, { namespace: "default", labelSelector: "a=b" })).items.length, 0);
  const outputs = { parameters: [{ name: "n", valueFrom: { jsonPath: "{.x}", default: "none" } }] };
  assert.equal(await act({ action: "get", flags: ["cm/gone", "--ignore-not-found"] }, outputs), 0);
  assert.deepEqual((await result(cluster)).outputs?.parameters, [{ name: "n", value: "none" }]);
  const wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: strict}\ndate: {}\n";
  await assert.rejects(act({ action: "create", manifest: wrong }), /unknown field "date"/);
  assert.equal(await act({ action: "create", manifest: wrong, flags: ["--validate=false"] }), 0);
});

test("a pipe or a link in the place of an output is told, and nobody waits for it", async () => {
  await using cluster = await start();
  const outputs = { parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }] };
  using scene = setUp(cluster, { ...location, outputs }, { main: {} });
  scene.put("main", "/tmp/other", "x");
  execFileSync("mkfifo", [scene.pod.resolve("main", "/tmp/p")]);
  await assert.rejects(scene.program(scene.pod.container("wait")), /output parameter p is no regular file/);
  rmSync(scene.pod.resolve("main", "/tmp/p"));
  symlinkSync("/etc/hostname", scene.pod.resolve("main", "/tmp/p"));
  await assert.rejects(scene.program(scene.pod.container("wait")), /ELOOP/);
});

test("how far a step is, by its own words, is reported while it runs", async () => {
  await using cluster = await start();
  using scene = setUp(cluster, location, { main: { untilKilled: true } });
  const ended = scene.program(scene.pod.container("wait"));
  const ref = { namespace: "default", name: "wf-1" };
  await cluster.until(WorkflowTaskResults, ref, (one) => one !== undefined);
  scene.put("wait", "/var/run/argo/progress", "1/10\nnonsense\n3/2\n");
  await cluster.until(WorkflowTaskResults, ref, (one) => one?.progress === "1/10");
  scene.put("wait", "/var/run/argo/progress", "1/10\n7/10\n");
  await cluster.until(WorkflowTaskResults, ref, (one) => one?.progress === "7/10");
  scene.pod.container("wait").kill("main", "SIGTERM");
  await ended;
});
