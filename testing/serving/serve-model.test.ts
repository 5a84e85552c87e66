// A model from the registry to an answer at the gateway, with real pods.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import { Models, modelDefinition } from "@capstan/api/kinds/model";
import { InferenceServices } from "@capstan/api/kinds/serving";
import { servingDefinitions } from "@capstan/api/kinds/serving-definitions";
import { workflowDefinitions } from "@capstan/api/kinds/workflow";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { createControllers } from "@capstan/cluster/controllers";
import { createGateway, defaultGateway, type GatewayServer } from "@capstan/cluster/gateway";
import { createScheduler } from "@capstan/cluster/scheduler";
import { createTokenSigner } from "@capstan/core/pki";
import { createServingOperator } from "@capstan/operators/serving";
import { nodeMissing, startTestNode, TestCluster } from "@capstan/testing/cluster";

const namespace = "default";
const fixture = new URL("../../apps/model-server/fixtures/islands", import.meta.url).pathname;
const node = "/opt/capstan/node_modules/node/bin/node";
const image = { name: "capstan/model-server", entrypoint: [node, "/opt/capstan/apps/model-server/main.ts"] };

async function start(artifacts: string): Promise<{ cluster: TestCluster; gateway: GatewayServer }> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  let gateway: GatewayServer | undefined;
  const cluster = await TestCluster.start({
    extensions: [createAuthentication({ signer: createTokenSigner(privateKey) }), createAuthorization()],
    async parts({ client, informers, log }) {
      const definitions = [modelDefinition, ...servingDefinitions, ...gatewayDefinitions, ...workflowDefinitions];
      for (const definition of definitions) await client.create(CustomResourceDefinitions, definition);
      gateway = createGateway({ client, informers, listen: { host: "127.0.0.1", port: 0 }, log });
      const root = (name: string) => join(artifacts, name);
      const context = { client, informers, log };
      const serving = { ...context, artifacts: { root }, domain: "localhost", gateway: defaultGateway };
      return [
        gateway,
        createScheduler(context),
        ...createControllers({ ...context, rootCa: "" }),
        ...createServingOperator(serving),
      ];
    },
  });
  assert.ok(gateway);
  await gateway.ready;
  return { cluster, gateway };
}

async function serve({ client }: TestCluster, name: string, key: string): Promise<void> {
  await client.create(Models, {
    metadata: { namespace, name },
    spec: { versions: [{ version: 1, framework: "onnx", artifact: { key } }] },
  });
  await client.create(InferenceServices, {
    metadata: { namespace, name, annotations: { "capstan.dev/auth": "none" } },
    spec: { predictor: { model: { modelFormat: { name: "onnx" }, storageUri: `model://${name}` } } },
  });
}

/** Status and text; `host` is not to be resolved. */
async function predict(port: number, host: string, body: object): Promise<string> {
  const path = "/v1/models/islands:predict";
  const sent = request({ host: "127.0.0.1", port, method: "POST", path, headers: { host } }).end(JSON.stringify(body));
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer) text += chunk;
  return `${answer.statusCode} ${text}`;
}

test("a model becomes a pod that answers at the gateway, and a broken one says so", {
  skip: nodeMissing() ?? false,
}, async () => {
  const artifacts = await mkdtemp(join(tmpdir(), "artifacts-"));
  const { cluster, gateway } = await start(artifacts);
  await using _ = cluster;
  await using __ = await startTestNode(cluster, { builtinImages: [image] });
  await cp(fixture, join(artifacts, namespace, "runs/1/model"), { recursive: true });
  await serve(cluster, "islands", "runs/1/model");
  const ref = { namespace, name: "islands" };
  await cluster.until(InferenceServices, ref, (service) =>
    (service?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
  );
  const answer = await predict(gateway.port, "islands-default.localhost", {
    instances: [{ island: "Biscoe", mass: 5 }],
  });
  assert.match(answer, /^200 \{"predictions": \[\{"species": "Gentoo", /);

  await mkdir(join(artifacts, namespace, "runs/2/model"), { recursive: true });
  await writeFile(join(artifacts, namespace, "runs/2/model/model.onnx"), "this is no model");
  await serve(cluster, "broken", "runs/2/model");
  const failed = await cluster.until(
    InferenceServices,
    { namespace, name: "broken" },
    (service) => service?.status?.modelStatus?.transitionStatus === "BlockedByFailedLoad",
  );
  const failure = failed?.status?.modelStatus?.lastFailureInfo;
  assert.equal(failure?.reason, "ModelLoadFailed");
  assert.match(failure?.message ?? "", /\/mnt\/models\/model\.onnx is not an ONNX model that can be served/);
  await rm(artifacts, { recursive: true });
});
