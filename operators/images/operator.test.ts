import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { MutatingWebhookConfiguration } from "@capstan/api/generated/admissionregistration-v1";
import {
  CustomResourceDefinitions,
  Deployments,
  MutatingWebhookConfigurations,
  Pods,
  ServiceAccounts,
  ValidatingWebhookConfigurations,
} from "@capstan/api/generated/resources";
import { ImagePolicies, type ImagePolicySpec, imagePolicyDefinition } from "@capstan/api/kinds/image-policy";
import { isReason } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import { bootstrapPriorityClasses, createAdmission } from "@capstan/cluster/apiserver/admission";
import { openAuthority } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { createImagePolicyOperator } from "./index.ts";

const name = { name: "capstan-image-policies" };

interface Bench extends AsyncDisposable {
  cluster: TestCluster;
  /** Resolves when the webhook is registered with it. */
  policy(spec: ImagePolicySpec): Promise<void>;
  stop(): Promise<void>;
}

async function open(): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-images-"));
  const authority = await openAuthority({ directory });
  const cluster: TestCluster = await TestCluster.start({
    extensions: [createAdmission({ log: silent, client: () => cluster.client })],
  });
  const { client } = cluster;
  await bootstrapPriorityClasses(client);
  await client.create(CustomResourceDefinitions, imagePolicyDefinition);
  await client.create(ServiceAccounts, { metadata: { namespace: "default", name: "default" } });
  const ending = new AbortController();
  const running = createImagePolicyOperator({
    ...cluster,
    client,
    informers: cluster.informers,
    log: silent,
    authority,
  }).start(ending.signal);
  const stop = async () => {
    ending.abort();
    await running;
  };
  let policies = 0;
  return {
    cluster,
    stop,
    async policy(spec) {
      const metadata = { name: `p${policies++}` };
      await client.create(ImagePolicies, { metadata, spec });
      await cluster.until(ImagePolicies, metadata, (found) => found?.status?.conditions !== undefined);
      await cluster.until(MutatingWebhookConfigurations, name, (found) => found !== undefined);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await cluster[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

const pod = (podName: string, image: string, namespace = "default") => ({
  metadata: { namespace, name: podName },
  spec: { containers: [{ name: "main", image }], initContainers: [{ name: "init", image: "busybox:1" }] },
});
const rewrites = [{ from: "docker.io", to: "mirror.example.com/docker" }];

test("pods and workloads get their images from the mirror, and keep what they were called", async () => {
  await using bench = await open();
  const { client } = bench.cluster;
  await bench.policy({ rewrites, alwaysPull: true });
  const made = await client.create(Pods, pod("a", "nginx:1"));
  const [main] = made.spec.containers;
  assert.equal(main?.image, "mirror.example.com/docker/library/nginx:1");
  assert.equal(main?.imagePullPolicy, "Always");
  assert.equal(made.spec.initContainers?.[0]?.image, "mirror.example.com/docker/library/busybox:1");
  const original = made.metadata.annotations?.["capstan.dev/original-images"] ?? "";
  assert.deepEqual(JSON.parse(original), { main: "nginx:1", init: "busybox:1" });
  const labels = { app: "x" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "redis" }] } };
  const spec = { selector: { matchLabels: labels }, template };
  const deployment = await client.create(Deployments, { metadata: { namespace: "default", name: "d" }, spec });
  assert.equal(deployment.spec?.template.spec?.containers[0]?.image, "mirror.example.com/docker/library/redis");
  assert.match(deployment.spec?.template.metadata?.annotations?.["capstan.dev/original-images"] ?? "", /redis/);
});

test("images that a policy does not take are refused with its words; a dry run only warns", async () => {
  await using bench = await open();
  const { client } = bench.cluster;
  await bench.policy({ deny: ["**:latest"], mode: "DryRun", rewrites });
  const answer = await client.request({
    method: "POST",
    url: "/api/v1/namespaces/default/pods",
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(JSON.stringify({ apiVersion: "v1", kind: "Pod", ...pod("a", "nginx") })),
  });
  const warnings = JSON.stringify(answer.headers);
  assert.match(warnings, /image policy .*p0.* \(DryRun\) would change main from nginx to mirror.example.com/);
  assert.match(warnings, /denies docker.io\/library\/nginx:latest: \*\*:latest \(DryRun\)/);
  assert.equal((await client.get(Pods, { namespace: "default", name: "a" })).spec.containers[0]?.image, "nginx");
  await bench.policy({ allow: ["docker.io/library/busybox"] });
  await assert.rejects(client.create(Pods, pod("b", "nginx")), (thrown) => {
    const { message } = thrown as Error;
    return isReason(thrown, "Forbidden") && /container main: image policy "p1" does not allow docker.io/.test(message);
  });
  await client.create(Pods, pod("c", "busybox:2"));
});

test("kube-system is left alone, and nothing is asked once the last policy or the operator has gone", async () => {
  await using bench = await open();
  const { client } = bench.cluster;
  await client.create(ServiceAccounts, { metadata: { namespace: "kube-system", name: "default" } });
  await bench.policy({ rewrites, failurePolicy: "Fail" });
  const untouched = await client.create(Pods, pod("a", "nginx", "kube-system"));
  assert.equal(untouched.spec.containers[0]?.image, "nginx");
  await client.delete(ImagePolicies, { name: "p0" });
  await bench.cluster.until(MutatingWebhookConfigurations, name, (found) => found === undefined);
  await bench.policy({ rewrites, failurePolicy: "Fail" });
  await bench.stop();
  assert.equal(await client.find(MutatingWebhookConfigurations, name), undefined);
  assert.equal((await client.create(Pods, pod("b", "nginx"))).spec.containers[0]?.image, "nginx");
});

test("what is there already is not held up, pulled otherwise or rolled out anew by a policy that came later", async () => {
  await using bench = await open();
  const { client } = bench.cluster;
  const old = await client.create(Pods, {
    ...pod("a", "nginx:1"),
    metadata: { namespace: "default", name: "a", finalizers: ["x/y"] },
  });
  const labels = { app: "x" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "redis:1" }] } };
  const ref = { namespace: "default", name: "d" };
  await client.create(Deployments, { metadata: ref, spec: { selector: { matchLabels: labels }, template } });
  await bench.policy({ rewrites, deny: ["docker.io/library/redis"], alwaysPull: true });
  await bench.policy({ deny: ["docker.io/library/nginx"] });
  const merge = (body: object) => ({ type: "merge" as const, body });
  const labelled = await client.patch(Pods, { namespace: "default", name: "a" }, merge({ metadata: { labels } }));
  assert.deepEqual(labelled.spec, old.spec);
  const scaled = await client.patch(Deployments, ref, merge({ spec: { replicas: 2 } }));
  assert.equal(scaled.spec?.template.spec?.containers[0]?.image, "redis:1");
  await client.delete(Pods, { namespace: "default", name: "a" });
  await client.patch(Pods, { namespace: "default", name: "a" }, merge({ metadata: { finalizers: null } }));
  const change = (image: string) => {
    const containers = [{ name: "c", image }];
    return client.patch(Deployments, ref, {
      type: "strategic",
      body: { spec: { template: { spec: { containers } } } },
    });
  };
  for (const version of ["busybox:1", "busybox:2"]) {
    const changed = await change(version);
    const { metadata, spec } = changed.spec?.template ?? {};
    assert.equal(spec?.containers[0]?.image, `mirror.example.com/docker/library/${version}`);
    assert.deepEqual(JSON.parse(metadata?.annotations?.["capstan.dev/original-images"] ?? ""), { c: version });
  }
});

test("a policy that fails closed lets the cluster's own pods pass when nobody answers", async () => {
  await using bench = await open();
  const { client } = bench.cluster;
  await client.create(ServiceAccounts, { metadata: { namespace: "kube-system", name: "default" } });
  await bench.policy({ deny: ["docker.io/library/nginx"], failurePolicy: "Fail", exemptNamespaces: [] });
  await assert.rejects(client.create(Pods, pod("a", "nginx", "kube-system")), /denies docker.io\/library\/nginx/);
  // As after a kill: the address that is registered answers no more.
  for (const resource of [MutatingWebhookConfigurations, ValidatingWebhookConfigurations]) {
    const config = await client.get(resource as typeof MutatingWebhookConfigurations, name);
    for (const { clientConfig } of config.webhooks ?? []) clientConfig.url = "https://127.0.0.1:1/";
    await client.update(resource as typeof MutatingWebhookConfigurations, config);
  }
  await client.create(Pods, pod("a", "nginx", "kube-system"));
  await assert.rejects(client.create(Pods, pod("a", "busybox")), /failed calling webhook/);
});

test("a rule that would never end is told in the policy's status, and is not in force", async () => {
  await using bench = await open();
  const { client } = bench.cluster;
  const metadata = { name: "loop" };
  await client.create(ImagePolicies, { metadata, spec: { rewrites: [{ from: "docker.io", to: "docker.io/x" }] } });
  const told = await bench.cluster.until(ImagePolicies, metadata, (found) => found?.status?.conditions !== undefined);
  assert.equal(told?.status?.conditions?.[0]?.status, "False");
  assert.match(told?.status?.conditions?.[0]?.message ?? "", /would be rewritten again/);
  assert.equal(await client.find(MutatingWebhookConfigurations, name), undefined);
});

async function post(config: MutatingWebhookConfiguration, body: string, type = "application/json", path?: string) {
  const { url = "", caBundle = "" } = config.webhooks?.[0]?.clientConfig ?? {};
  const target = path ? new URL(path, url) : new URL(url);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const ca = Buffer.from(caBundle, "base64");
    const sent = request(target, { method: "POST", ca, headers: { "content-type": type } }, async (response) =>
      resolve({ status: response.statusCode ?? 0, text: await text(response) }),
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

test("the webhook's own checks: secret, empty body, type, what is no review, sizes, both versions", async () => {
  await using bench = await open();
  await bench.policy({ rewrites });
  const config = await bench.cluster.client.get(MutatingWebhookConfigurations, name);
  assert.equal((await post(config, "{}", "application/json", "/mutate/guess")).status, 401);
  assert.deepEqual(await post(config, ""), { status: 400, text: "empty body\n" });
  const wrongType = { status: 415, text: "invalid Content-Type, expect `application/json`\n" };
  assert.deepEqual(await post(config, "{}", "text/plain"), wrongType);
  for (const bad of [
    "{",
    '{"kind":"Pod","apiVersion":"v1"}',
    '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
  ]) {
    const { status, text: answer } = await post(config, bad);
    assert.equal(status, 200);
    assert.equal(JSON.parse(answer).response.allowed, false, answer);
    assert.ok(JSON.parse(answer).response.status.message, answer);
  }
  assert.equal((await post(config, "x".repeat(4 * 1024 * 1024))).status, 413);
  for (const version of ["v1", "v1beta1"]) {
    const apiVersion = `admission.k8s.io/${version}`;
    const object = pod("a", "nginx");
    Object.assign(object.spec, { volumes: [{ name: "v", image: { reference: "redis" } }, null] });
    const review = { kind: "AdmissionReview", apiVersion, request: { uid: "u-1", kind: { kind: "Pod" }, object } };
    const answer = JSON.parse((await post(config, JSON.stringify(review))).text);
    assert.equal(answer.apiVersion, apiVersion);
    assert.equal(answer.response.uid, "u-1");
    assert.equal(answer.response.patchType, "JSONPatch");
    const patch = JSON.parse(Buffer.from(answer.response.patch, "base64").toString());
    const value = "mirror.example.com/docker/library/redis";
    assert.deepEqual(patch[2], { op: "replace", path: "/spec/volumes/0/image/reference", value });
    const other = { ...review, request: { ...review.request, kind: { kind: "Service" }, object: { spec: 1 } } };
    assert.deepEqual(JSON.parse((await post(config, JSON.stringify(other))).text).response, {
      uid: "u-1",
      allowed: true,
    });
  }
});
