import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CustomResourceDefinitions,
  HorizontalPodAutoscalers,
  HorizontalPodAutoscalersV1,
  MutatingWebhookConfigurations,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
  ValidatingWebhookConfigurations,
} from "@capstan/api/generated/resources";
import type { KubeObject, Resource } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import { createAdmission } from "@capstan/cluster/apiserver/admission";
import { openAuthority } from "@capstan/core/pki";
import { serve } from "@capstan/core/wire";
import { TestCluster } from "@capstan/testing/cluster";

type Request = Record<"kind" | "requestKind" | "resource" | "requestResource", { version: string }> & {
  uid: string;
  object: KubeObject & { spec: object };
};

/** A webhook that notes what it sees, and answers with a patch at /patch. */
async function startHook(patch: object[]) {
  const directory = await mkdtemp(join(tmpdir(), "capstan-equivalent-"));
  const authority = await openAuthority({ directory });
  const tls = await authority.issue({ commonName: "hook", hosts: ["127.0.0.1"], usages: ["server"] });
  const seen: Request[] = [];
  const server = await serve({
    port: 0,
    tls,
    handler: async ({ url, body }) => {
      const { request } = JSON.parse(Buffer.from(body ?? []).toString()) as { request: Request };
      seen.push(request);
      const change = { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") };
      const response = { uid: request.uid, allowed: true, ...(url.startsWith("/patch") ? change : {}) };
      const review = { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response };
      return { status: 200, headers: {}, body: JSON.stringify(review) };
    },
  });
  const hook = (path: string, group: string, resource: string, version: string, rest: object = {}) => ({
    name: "hook.example.com",
    clientConfig: { url: server.url + path, caBundle: Buffer.from(authority.cert).toString("base64") },
    rules: [{ operations: ["*"], apiGroups: [group], apiVersions: [version], resources: [resource] }],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    ...rest,
  });
  return {
    seen,
    hook,
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}

const startCluster = () => TestCluster.start({ extensions: [createAdmission({ log: silent })] });
const metadata = { namespace: "default", name: "a" };

test("a webhook for one version sees writes of another in its own, and its patch comes back", async () => {
  const patch = [{ op: "add", path: "/spec/behavior", value: { scaleDown: { stabilizationWindowSeconds: 5 } } }];
  await using hooks = await startHook(patch);
  await using cluster = await startCluster();
  const { client } = cluster;
  const webhooks = [hooks.hook("/patch", "autoscaling", "horizontalpodautoscalers", "v2")];
  await client.create(MutatingWebhookConfigurations, { metadata: { name: "m" }, webhooks });
  const exact = hooks.hook("/exact", "autoscaling", "horizontalpodautoscalers", "v2", { matchPolicy: "Exact" });
  await client.create(ValidatingWebhookConfigurations, { metadata: { name: "v" }, webhooks: [exact] });
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
  const spec = { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 };
  const made = await client.create(HorizontalPodAutoscalersV1, { metadata, spec });
  assert.equal(made.spec.targetCPUUtilizationPercentage, 50);
  const [request] = hooks.seen;
  assert.equal(hooks.seen.length, 1);
  const versions = [request?.kind, request?.requestKind, request?.resource, request?.requestResource];
  assert.deepEqual(
    versions.map((one) => one?.version),
    ["v2", "v1", "v2", "v1"],
  );
  assert.equal(request?.object.apiVersion, "autoscaling/v2");
  assert.ok(request && "metrics" in request.object.spec);
  const stored = await client.get(HorizontalPodAutoscalers, metadata);
  assert.equal(stored.spec.behavior?.scaleDown?.stabilizationWindowSeconds, 5);
  assert.equal(stored.spec.metrics?.[0]?.resource?.target.averageUtilization, 50);
});

test("versions of a custom kind are equivalent", async () => {
  await using hooks = await startHook([{ op: "add", path: "/spec/size", value: 7 }]);
  await using cluster = await startCluster();
  const { client } = cluster;
  const properties = { spec: { type: "object", properties: { size: { type: "integer" } } } };
  const schema = { openAPIV3Schema: { type: "object", properties } };
  const versions = ["v1", "v2"].map((name) => ({ name, served: true, storage: name === "v1", schema }));
  const names = { plural: "farms", kind: "Farm" };
  await client.create(CustomResourceDefinitions, {
    metadata: { name: "farms.example.com" },
    spec: { group: "example.com", names, scope: "Namespaced", versions },
  });
  const webhooks = [hooks.hook("/patch", "example.com", "farms", "v1")];
  await client.create(MutatingWebhookConfigurations, { metadata: { name: "m" }, webhooks });
  type Farm = KubeObject & { spec: { size: number } };
  const farms: Resource<Farm> = {
    ...{ group: "example.com", version: "v2", resource: "farms", kind: "Farm" },
    namespaced: true,
  };
  const made = await client.create(farms, { metadata, spec: { size: 1 } });
  assert.deepEqual([made.apiVersion, made.spec.size], ["example.com/v2", 7]);
  assert.equal(hooks.seen[0]?.object.apiVersion, "example.com/v1");
});

test("a policy for one version judges writes of another", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const rule = { operations: ["CREATE"], apiGroups: ["autoscaling"], apiVersions: ["v2"] };
  const resourceRules = [{ ...rule, resources: ["horizontalpodautoscalers"] }];
  const expression = "object.spec.metrics.all(m, m.resource.target.averageUtilization < 60)";
  for (const matchPolicy of ["Equivalent", "Exact"]) {
    const name = matchPolicy.toLowerCase();
    await client.create(ValidatingAdmissionPolicies, {
      metadata: { name },
      spec: { matchConstraints: { matchPolicy, resourceRules }, validations: [{ expression, message: name }] },
    });
    const spec = { policyName: name, validationActions: ["Deny"] };
    await client.create(ValidatingAdmissionPolicyBindings, { metadata: { name }, spec });
  }
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
  const of = (percent: number) =>
    client.create(HorizontalPodAutoscalersV1, {
      metadata,
      spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: percent },
    });
  await assert.rejects(of(70), /with binding 'equivalent' denied request: equivalent$/);
  await of(50);
});
