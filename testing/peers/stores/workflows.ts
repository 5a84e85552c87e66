// Whole workflows on a fresh Capstan whose repository is MinIO.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { listArtifact } from "@capstan/core/artifacts";
import { runKubectl } from "../../cluster/kubectl.ts";
import { containerdMissing, startContainerd } from "../../containerd/index.ts";
import { startInstance } from "../../platform/instance.ts";
import { buildExecutorImage, executorImage } from "../workflows/executor-image.ts";
import { minioKeys, missing, startMinio } from "./programs.ts";
import { resources, signal } from "./suite.ts";

const skip = missing("minio");
const yaml = (endpoint: string, image: string) => `
apiVersion: v1
kind: Secret
metadata: {name: minio}
stringData: {id: ${minioKeys.user}, key: ${minioKeys.password}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: artifact-repositories
  annotations: {workflows.argoproj.io/default-artifact-repository: minio}
data:
  minio: |
    archiveLogs: true
    s3:
      endpoint: ${endpoint}
      insecure: true
      bucket: artifacts
      createBucketIfNotPresent: {}
      keyFormat: "{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}"
      accessKeySecret: {name: minio, key: id}
      secretKeySecret: {name: minio, key: key}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: chain}
spec:
  entrypoint: main
  artifactGC: {strategy: OnWorkflowDeletion}
  templates:
  - name: main
    steps:
    - - {name: make, template: make}
    - - {name: list, template: list}
    - - name: read
        template: read
        arguments: {artifacts: [{name: in, from: '{{steps.make.outputs.artifacts.out}}', subPath: b.txt}]}
      - name: each
        template: read
        withParam: '{{steps.list.outputs.result}}'
        arguments: {artifacts: [{name: in, s3: {key: '{{item}}'}}]}
  - name: make
    container: {image: '${image}', command: [sh, -c], args: ['mkdir /tmp/o && echo A > /tmp/o/a.txt && echo B > /tmp/o/b.txt']}
    outputs: {artifacts: [{name: out, path: /tmp/o, archive: {none: {}}, s3: {key: 'own/{{workflow.name}}'}}]}
  - name: list
    data:
      source: {artifactPaths: {name: all, s3: {key: 'own/{{workflow.name}}'}}}
      transformation: [{expression: 'filter(data, {# endsWith ".txt"})'}]
  - name: read
    inputs: {artifacts: [{name: in, path: /tmp/in}]}
    script: {image: '${image}', command: [sh], source: cat /tmp/in}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: closed}
spec:
  entrypoint: main
  templates:
  - name: main
    inputs: {artifacts: [{name: in, path: /tmp/in, s3: {endpoint: '${endpoint}', insecure: true, bucket: artifacts, key: x, accessKeySecret: {name: gone, key: id}}}]}
    container: {image: '${image}', command: ['true']}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: away}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: '${image}', command: [sh, -c], args: ['echo x > /tmp/o']}
    outputs: {artifacts: [{name: out, path: /tmp/o, s3: {endpoint: '127.0.0.1:1', insecure: true, bucket: b, key: k}}]}
`;

/** @param args of `capstan up`. @param host where pods reach MinIO. @param image has a shell. */
async function tryWorkflows(args: string[], host: string, image: string): Promise<void> {
  const endpoint = await startMinio(host);
  await using instance = startInstance({ args: ["--no-quickstart", ...args] });
  await instance.ready();
  const kubectl = async (line: string, input?: string): Promise<string> => {
    const words = ["--kubeconfig", instance.kubeconfig, ...line.split(" ")];
    const done = await runKubectl(words, input, AbortSignal.timeout(180_000));
    assert.equal(done.code, 0, `kubectl ${line}: ${done.stderr}`);
    return done.stdout;
  };
  await kubectl("apply -f -", yaml(endpoint, image));
  const over = async (name: string): Promise<Workflow> => {
    const completed = "jsonpath={.metadata.labels.workflows\\.argoproj\\.io/completed}=true";
    await kubectl(`wait workflow/${name} --for=${completed} --timeout=150s`);
    return JSON.parse(await kubectl(`get workflow ${name} -o json`)) as Workflow;
  };
  const { status } = await over("chain");
  assert.equal(status?.phase, "Succeeded", JSON.stringify(status?.nodes));
  const nodes = Object.values(status?.nodes ?? {});
  const make = nodes.find(({ displayName }) => displayName === "make");
  assert.deepEqual(
    make?.outputs?.artifacts?.map(({ name, s3 }) => [name, s3?.key]),
    [
      ["out", "own/chain"],
      ["main-logs", `default/chain/${podOf(make?.id)}/main.log`],
    ],
  );
  const s3 = {
    endpoint,
    insecure: true,
    bucket: "artifacts",
    key: "",
    accessKeySecret: { name: "m", key: "id" },
    secretKeySecret: { name: "m", key: "key" },
  };
  const given = resources({ "m/id": minioKeys.user, "m/key": minioKeys.password });
  const kept = await listArtifact({ s3 }, given, signal);
  assert.deepEqual(
    kept.filter((key) => key.startsWith("own/")),
    ["own/chain/a.txt", "own/chain/b.txt"],
  );
  assert.equal(kept.filter((key) => key.startsWith("default/chain/")).length, 4);
  const closed = await over("closed");
  assert.equal(closed.status?.phase, "Error");
  assert.match(JSON.stringify(closed.status?.nodes), /s3\.accessKeySecret: there is no Secret gone with the key id/);
  const away = await over("away");
  assert.equal(away.status?.phase, "Error");
  assert.match(
    JSON.stringify(away.status?.nodes),
    /output artifact out: s3 .*connect ECONNREFUSED 127\.0\.0\.1:1 \(tried 6 times\)/,
  );
  await kubectl("delete workflow chain --timeout=60s");
  const rest = await listArtifact({ s3 }, given, signal);
  assert.deepEqual(rest, ["default/away/away/main.log"]);
}

const name = "files are handed over through MinIO, and go with their workflow";

test(`${name}: the executor in the agent`, { skip }, () => tryWorkflows([], "127.0.0.1", "capstan/host"));

test(`${name}: the executor in pods of containerd`, { skip: skip ?? containerdMissing() }, async () => {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const own = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  assert.ok(own, "pods reach this machine by an address of its own");
  await using containerd = await startContainerd();
  containerd.ctr("images", "import", buildExecutorImage(containerd.directory));
  const args = ["--runtime", `cri:${containerd.endpoint}`, "--executor-image", executorImage];
  await tryWorkflows(args, own.address, containerd.pullable);
});

/** The pod of `make`: its name has the template's, its node ID has not. */
const podOf = (id = "") => id.replace(/^chain-/, "chain-make-");
