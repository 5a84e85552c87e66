import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { findRepository } from "./repository.ts";

type Maps = Record<string, { data: Record<string, string>; default?: string }>;
const bucket = (name: string) => `s3: {bucket: ${name}}`;

function find(maps: Maps, ref?: { configMap?: string; key?: string }) {
  const workflow: Workflow = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name: "wf", namespace: "ns" },
    spec: ref ? { artifactRepositoryRef: ref } : {},
  };
  return findRepository(workflow, {
    configNamespace: "argo",
    builtin: { file: {} },
    find(name, namespace) {
      const map = maps[`${namespace}/${name}`];
      if (!map) return undefined;
      const annotations: Record<string, string> = map.default
        ? { "workflows.argoproj.io/default-artifact-repository": map.default }
        : {};
      return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, annotations }, data: map.data };
    },
  });
}

const own: Maps = { "ns/artifact-repositories": { data: { a: bucket("a"), b: bucket("b") }, default: "a" } };
const common: Maps = { "argo/artifact-repositories": { data: { c: bucket("c") }, default: "c" } };
const controller: Maps = { "argo/workflow-controller-configmap": { data: { artifactRepository: bucket("whole") } } };

test("a repository is the workflow's, its namespace's, the cluster's, or the built-in one, in this order", () => {
  assert.deepEqual(find({}).repository, { file: {} });
  assert.deepEqual(find({ ...controller, ...common }).repository, { s3: { bucket: "whole" } });
  assert.deepEqual(find({ ...own, ...controller }), {
    ref: { namespace: "ns", configMap: "artifact-repositories", key: "a" },
    repository: { s3: { bucket: "a" } },
  });
  assert.deepEqual(find({ ...own, ...common }, { key: "b" }).repository, { s3: { bucket: "b" } });
  assert.deepEqual(find({ ...own, ...common }, { key: "c" }).ref?.namespace, "argo");
  assert.deepEqual(find(common, { configMap: "artifact-repositories" }).repository, { s3: { bucket: "c" } });
});

test("a name that leads nowhere is an error that says where it was looked for", () => {
  assert.throws(
    () => find(own, { key: "x" }),
    /no ConfigMap artifact-repositories with the key x in the namespaces ns and argo/,
  );
  assert.throws(
    () => find({}, { configMap: "m" }),
    /no default repository in ConfigMap m in the namespaces ns and argo/,
  );
  const broken = { "ns/artifact-repositories": { data: {}, default: "gone" } };
  assert.throws(() => find(broken), /there is no key gone/);
  const text = { "ns/artifact-repositories": { data: { a: "just words" }, default: "a" } };
  assert.throws(() => find(text), /not an artifact repository/);
});
