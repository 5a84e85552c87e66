// A prediction through gateway and model server against bare ONNX Runtime, in one run.
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { TokenRequest } from "@capstan/api/generated/authentication-v1";
import {
  CustomResourceDefinitions,
  EndpointSlices,
  RoleBindings,
  Roles,
  ServiceAccounts,
  Services,
} from "@capstan/api/generated/resources";
import { defaultGateway, HttpRoutes } from "@capstan/api/kinds/gateway";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import { silent } from "@capstan/base/log";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { createGateway, type GatewayServer } from "@capstan/cluster/gateway";
import { createTokenSigner } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Figure, quantile } from "./report.ts";

const fixture = new URL("../../apps/model-server/fixtures/islands", import.meta.url).pathname;
const main = new URL("../../apps/model-server/main.ts", import.meta.url).pathname;
const rows = { warm: 300, measured: 2000 };
const namespace = "default";

export async function measurePredict(): Promise<Figure[]> {
  const bare = await timeBare();
  const peer = quantile(bare, 0.5);
  await using server = await startServer();
  const direct = await timeRequests(server.port, {});
  const { cluster, gateway, token } = await startGateway(server.port);
  await using _ = cluster;
  const through = await timeRequests(gateway.port, { authorization: `Bearer ${token}` });
  const over = (samples: number[]) => samples.map((sample) => sample - peer);
  const peerFigure = { name: "bare onnxruntime-node", value: peer };
  return [
    { name: "bare onnxruntime-node, 1 row", unit: "ms", samples: bare },
    { name: "predict, model server alone, 1 row", unit: "ms", samples: direct, peer: peerFigure },
    { name: "predict, gateway and model server, 1 row", unit: "ms", samples: through, peer: peerFigure },
    { name: "predict, over bare onnxruntime-node", unit: "ms", samples: over(through), budget: 3 },
  ];
}

async function timeBare(): Promise<number[]> {
  const session = await InferenceSession.create(`${fixture}/model.onnx`, { intraOpNumThreads: 1 });
  const feeds = () => ({
    island: new Tensor("string", ["Biscoe"], [1, 1]),
    mass: new Tensor("float32", [5.1], [1, 1]),
  });
  const once = async () => void (await session.run(feeds()));
  const samples = await time(once);
  await session.release();
  return samples;
}

async function time(once: () => Promise<void>): Promise<number[]> {
  for (let i = 0; i < rows.warm; i++) await once();
  const samples: number[] = [];
  for (let i = 0; i < rows.measured; i++) {
    const start = performance.now();
    await once();
    samples.push(performance.now() - start);
  }
  return samples;
}

async function startServer() {
  const argv = [
    main,
    "--model_name=islands",
    `--model_base_path=${fixture}`,
    "--rest_api_port=0",
    "--rest_api_host=127.0.0.1",
  ];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.includes("model loaded")) break;
  }
  const port = Number(/"port":(\d+)/.exec(output)?.[1]);
  const stop = async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  };
  return { port, [Symbol.asyncDispose]: stop };
}

async function timeRequests(port: number, headers: Record<string, string>): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const body = JSON.stringify({ instances: [{ island: "Biscoe", mass: 5.1 }] });
  const all = { ...headers, "content-type": "application/json", "content-length": String(body.length) };
  const samples = await time(async () => {
    const sent = request({
      host: "127.0.0.1",
      port,
      agent,
      method: "POST",
      path: "/v1/models/islands:predict",
      headers: all,
    });
    sent.end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of answer) text += chunk;
    if (answer.statusCode !== 200) throw new Error(`predict answered ${answer.statusCode}: ${text}`);
  });
  agent.destroy();
  return samples;
}

/** A cluster with real tokens and rights, and a route whose one endpoint is the model server. */
async function startGateway(port: number): Promise<{ cluster: TestCluster; gateway: GatewayServer; token: string }> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const extensions = [createAuthentication({ signer: createTokenSigner(privateKey) }), createAuthorization()];
  const cluster = await TestCluster.start({ extensions });
  const { client, informers } = cluster;
  for (const definition of gatewayDefinitions) await client.create(CustomResourceDefinitions, definition);
  const gateway = createGateway({ client, informers, listen: { host: "127.0.0.1", port: 0 }, log: silent });
  cluster.run(gateway);
  await gateway.ready;
  await client.create(Services, { metadata: { namespace, name: "s" }, spec: { ports: [{ port: 80 }] } });
  await client.create(EndpointSlices, {
    metadata: { namespace, name: "s-1", labels: { "kubernetes.io/service-name": "s" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"] }],
    ports: [{ name: "", port }],
  });
  const rules = [{ backendRefs: [{ name: "s", port: 80 }] }];
  const ref = { namespace, name: "islands" };
  await client.create(HttpRoutes, { metadata: ref, spec: { parentRefs: [{ ...defaultGateway }], rules } });
  await cluster.until(HttpRoutes, ref, (route) => route?.status?.parents[0]?.conditions[1]?.status === "True");
  return { cluster, gateway, token: await callerToken(cluster) };
}

async function callerToken({ client }: TestCluster): Promise<string> {
  await client.create(ServiceAccounts, { metadata: { namespace, name: "caller" } });
  const rules = [{ apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: ["get"] }];
  await client.create(Roles, { metadata: { namespace, name: "caller" }, rules });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "caller" };
  const subjects = [{ kind: "ServiceAccount", namespace, name: "caller" }];
  await client.create(RoleBindings, { metadata: { namespace, name: "caller" }, roleRef, subjects });
  const url = `/api/v1/namespaces/${namespace}/serviceaccounts/caller/token`;
  const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} });
  const answer = await client.request({ method: "POST", url, body: Buffer.from(body) });
  const text = answer.body instanceof Uint8Array ? Buffer.from(answer.body).toString() : String(answer.body);
  return (JSON.parse(text) as TokenRequest).status?.token ?? "";
}
