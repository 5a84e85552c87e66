import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { TokenRequest } from "@capstan/api/generated/authentication-v1";
import { RoleBindings, Roles, ServiceAccounts } from "@capstan/api/generated/resources";
import { createTokenSigner } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { HandWorld } from "@capstan/testing/gateway";
import { createAuthentication } from "../apiserver/authentication/index.ts";
import { createAuthorization } from "../apiserver/authorization/index.ts";
import { createAccess } from "./access.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const namespace = "default";
const metadata = { namespace, name: "robot" };

const start = () =>
  TestCluster.start({
    extensions: [createAuthentication({ signer: createTokenSigner(privateKey) }), createAuthorization()],
  });

async function tokenOf({ client }: TestCluster): Promise<string> {
  await client.create(ServiceAccounts, { metadata });
  const url = `/api/v1/namespaces/${namespace}/serviceaccounts/robot/token`;
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const answer = await client.request({ method: "POST", url, body: Buffer.from(JSON.stringify(body)) });
  const text = answer.body instanceof Uint8Array ? Buffer.from(answer.body).toString() : String(answer.body);
  return (JSON.parse(text) as TokenRequest).status?.token ?? "";
}

test("a token passes once its account may get the InferenceService", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const token = await tokenOf(cluster);
  let now = 0;
  const access = createAccess(client, () => now);
  const labels = { "serving.kserve.io/inferenceservice": "penguins" };
  const route = new HandWorld().addRoute("penguins", {}, { namespace, annotations: {}, labels });
  const check = async (authorization?: string) => {
    const refusal = await access.check(route, authorization);
    return refusal ? `${refusal.status} ${refusal.message}` : "passes";
  };
  assert.match(await check(), /^401 a bearer token is needed: get one with: kubectl create token/);
  assert.match(await check("Basic eDp5"), /^401 a bearer token is needed/);
  assert.match(await check("Bearer nonsense"), /^401 the bearer token is not valid/);
  assert.match(
    await check(`Bearer ${token}`),
    /^403 "system:serviceaccount:default:robot" may not get inferenceservices\.serving\.kserve\.io "penguins" in the namespace "default"/,
  );
  const rules = [
    { apiGroups: ["serving.kserve.io"], resources: ["inferenceservices"], resourceNames: ["penguins"], verbs: ["get"] },
  ];
  await client.create(Roles, { metadata, rules });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "robot" };
  const subjects = [{ kind: "ServiceAccount", namespace, name: "robot" }];
  await client.create(RoleBindings, { metadata, roleRef, subjects });
  now += 2_000;
  assert.equal(await check(`bearer ${token}`), "passes");
  // A withdrawn right ends when the cached answer does.
  await client.delete(RoleBindings, metadata);
  now += 9_000;
  assert.equal(await check(`Bearer ${token}`), "passes");
  now += 2_000;
  assert.match(await check(`Bearer ${token}`), /^403/);
});

test("a route that serves no model asks for a right on itself, and an open one for nothing", async () => {
  await using cluster = await start();
  const access = createAccess(cluster.client);
  const world = new HandWorld();
  const closed = world.addRoute("r", {}, { annotations: {} });
  assert.match(
    (await access.check(closed, `Bearer ${await tokenOf(cluster)}`))?.message ?? "",
    /httproutes\.gateway\.networking\.k8s\.io "r"/,
  );
  assert.equal(await access.check(world.addRoute("open", {}), undefined), undefined);
});
