import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { ArtifactRepository, Template } from "@capstan/api/kinds/workflow";
import { type SimulationOptions, simulate } from "@capstan/testing/workflow";

const cred = (key: string) => ({ name: "cred", key });
const s3 = {
  endpoint: "minio:9000",
  bucket: "b",
  insecure: true,
  accessKeySecret: cred("id"),
  secretKeySecret: cred("key"),
};
const workflow = (templates: string) => `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: wf}
spec:
  entrypoint: main
  templates:
${templates.replace(/^/gm, "  ")}`;

function podsOf(templates: string, repository: ArtifactRepository, options: SimulationOptions = {}) {
  const end = simulate(workflow(templates), { ...options, repository });
  const template = (pod: Pod): Template => {
    const all: Container[] = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
    const text = all.flatMap(({ env = [] }) => env).find(({ name }) => name === "ARGO_TEMPLATE")?.value ?? "{}";
    return JSON.parse(text.replaceAll("$$(", "$("));
  };
  return { ...end, list: [...end.pods.values()], template };
}

const one = `
- name: main
  inputs:
    artifacts:
    - {name: i, path: /i, s3: {key: given}}
    - {name: full, path: /f, s3: {endpoint: other, bucket: o, key: k}}
    - {name: h, path: /h, http: {url: 'https://x', auth: {basicAuth: {usernameSecret: {name: web, key: u}}}}}
  outputs:
    artifacts: [{name: o, path: /o}, {name: k, path: /k, s3: {key: 'own/{{pod.name}}'}}]
  container: {image: i}`;

test("what a place leaves out comes from the repository, and the pod mounts the Secrets of all its places", () => {
  const { list, template } = podsOf(one, { s3: { ...s3, keyFormat: "x/{{workflow.name}}/{{pod.name}}" } });
  const [pod] = list as [Pod];
  const { inputs, outputs, archiveLocation } = template(pod);
  assert.deepEqual(archiveLocation?.s3, { ...s3, key: "x/wf/wf" });
  assert.deepEqual(inputs?.artifacts?.[0]?.s3, { ...s3, key: "given" });
  assert.deepEqual(inputs?.artifacts?.[1]?.s3, { endpoint: "other", bucket: "o", key: "k" });
  assert.deepEqual(outputs?.artifacts?.[1]?.s3, { ...s3, key: "own/wf" });
  const items = (keys: string[]) => keys.map((key) => ({ key, path: key }));
  const secrets = (pod.spec.volumes ?? []).flatMap(({ secret }) => (secret ? [secret] : []));
  assert.deepEqual(secrets, [
    { secretName: "cred", optional: true, items: items(["id", "key"]) },
    { secretName: "web", optional: true, items: items(["u"]) },
  ]);
  const paths = (name: string) =>
    [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
      .find((container) => container.name === name)
      ?.volumeMounts?.map(({ mountPath }) => mountPath)
      .filter((path) => path.startsWith("/argo/secret"));
  assert.deepEqual(paths("init"), ["/argo/secret/cred", "/argo/secret/web"]);
  assert.deepEqual(paths("wait"), ["/argo/secret/cred", "/argo/secret/web"]);
  assert.deepEqual(paths("main"), []);
});

test("keys of one store's word lie in a repository of another", () => {
  const source = "- {name: main, inputs: {artifacts: [{name: i, path: /i, s3: {key: k}}]}, container: {image: i}}";
  const { list, template } = podsOf(source, { hdfs: { addresses: ["nn:8020"], hdfsUser: "u" } });
  assert.deepEqual(template(list[0] as Pod).inputs?.artifacts?.[0]?.hdfs, {
    addresses: ["nn:8020"],
    hdfsUser: "u",
    path: "k",
  });
});

test("each store has its own form of the default key", () => {
  const source = "- {name: main, outputs: {artifacts: [{name: o, path: /o}]}, container: {image: i}}";
  const place = (repository: ArtifactRepository) => {
    const { list, template } = podsOf(source, repository);
    const { archiveLogs: _, ...location } = template(list[0] as Pod).archiveLocation ?? {};
    return location;
  };
  assert.deepEqual(place({ s3: { ...s3, keyPrefix: "pre" } }), { s3: { ...s3, key: "pre/wf/wf" } });
  assert.deepEqual(place({ gcs: { bucket: "g" } }), { gcs: { bucket: "g", key: "wf/wf" } });
  assert.deepEqual(place({ hdfs: { addresses: ["a"] } }), { hdfs: { addresses: ["a"], path: "/wf/wf" } });
  const artifactory = { repoURL: "http://a/repo", passwordSecret: cred("p") };
  assert.deepEqual(place({ artifactory }), {
    artifactory: { passwordSecret: cred("p"), url: "http://a/repo/wf/wf" },
  });
  const keyFormat = "{{workflow.creationTimestamp.Y}}/{{workflow.creationTimestamp.m}}/{{workflow.name}}/{{pod.name}}";
  assert.deepEqual(place({ s3: { ...s3, keyFormat } }), { s3: { ...s3, key: "2026/01/wf/wf" } });
  const { workflow: failed } = podsOf(source, { azure: {} });
  assert.match(JSON.stringify(failed.status), /artifact repository: azure is not supported/);
});

test("what a step keeps in the repository is told by its key alone, what it keeps elsewhere in full", () => {
  const full = { endpoint: "other", bucket: "o", key: "k" };
  const outputs = {
    artifacts: [
      { name: "o", path: "/o", s3: { ...s3, key: "wf/wf/o.tgz" } },
      { name: "e", path: "/e", s3: full },
    ],
  };
  const source = "- {name: main, outputs: {artifacts: [{name: o, path: /o}]}, container: {image: i}}";
  const { node } = podsOf(source, { s3 }, { ends: { main: { outputs } } });
  assert.deepEqual(
    node("wf").outputs?.artifacts?.map((artifact) => artifact.s3),
    [{ key: "wf/wf/o.tgz" }, full],
  );
});

test("a data template is a pod of the executor alone, and its result is the next step's list", () => {
  const source = `
- name: main
  steps:
  - - {name: list, template: list}
  - - {name: each, template: each, withParam: '{{steps.list.outputs.result}}', arguments: {parameters: [{name: f, value: '{{item}}'}]}}
- name: list
  data:
    source: {artifactPaths: {name: in, s3: {bucket: own}}}
    transformation: [{expression: 'filter(data, {# endsWith ".log"})'}]
- {name: each, inputs: {parameters: [{name: f}]}, container: {image: i, args: ['{{inputs.parameters.f}}']}}`;
  const ends = { list: { outputs: { result: '["a.log","b.log"]' } } };
  const { list, template, workflow: end, order } = podsOf(source, { s3 }, { ends });
  assert.equal(end.status?.phase, "Succeeded");
  const [first] = list as [Pod];
  assert.deepEqual(
    first.spec.containers.map(({ name, args }) => [name, args]),
    [["main", ["data"]]],
  );
  assert.deepEqual(template(first).data?.source.artifactPaths?.s3, { ...s3, bucket: "own", key: "" });
  assert.deepEqual(order, ["wf[0].list", "wf[1].each(0:a.log)", "wf[1].each(1:b.log)"]);
});
