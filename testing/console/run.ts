// The console with a real API server, gateway and model server behind it, and a scene to look at.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { domainDefinition } from "@capstan/api/kinds/domain";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import { modelDefinition } from "@capstan/api/kinds/model";
import { servingDefinitions } from "@capstan/api/kinds/serving-definitions";
import { workflowDefinitions } from "@capstan/api/kinds/workflow";
import { silent } from "@capstan/base/log";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { bootstrapRbac, createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { createRecordsApi } from "@capstan/cluster/apiserver/records";
import { createGateway } from "@capstan/cluster/gateway";
import { createConsoleServer, createOneTimeLogin, loadConsoleSecret } from "@capstan/console/server";
import { openTokenSigner } from "@capstan/core/pki";
import { createRecords } from "@capstan/core/records";
import { type Serving, serve } from "@capstan/core/wire";
import { createCaller } from "../../apps/capstan/platform/caller.ts";
import { parseFlags } from "../../apps/model-server/flags.ts";
import { createModelServer } from "../../apps/model-server/server.ts";
import { TestCluster } from "../cluster/index.ts";
import { createPodLogs } from "./pod-logs.ts";
import { fillScene } from "./scene.ts";
import { fillHistory } from "./scene-history.ts";

export interface Running extends AsyncDisposable {
  cluster: TestCluster;
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  dataDir: string;
  /** A fresh one-time login token. */
  login(): Promise<string>;
}

const islands = new URL("../../apps/model-server/fixtures/islands", import.meta.url).pathname;
const dist = new URL("../../apps/console/dist", import.meta.url).pathname;

export async function runConsole({ port = 0 } = {}): Promise<Running> {
  const dataDir = await mkdtemp(join(tmpdir(), "console-"));
  const signer = await openTokenSigner(dataDir);
  const records = createRecords({ database: { file: join(dataDir, "records.db") }, cluster: "scene" });
  const extensions = [
    createAuthentication({ signer }),
    createAuthorization(),
    createPodLogs(),
    createRecordsApi(records),
  ];
  const cluster = await TestCluster.start({ extensions });
  const { client } = cluster;
  await bootstrapRbac(client);
  const definitions = [
    domainDefinition,
    modelDefinition,
    ...workflowDefinitions,
    ...servingDefinitions,
    ...gatewayDefinitions,
  ];
  for (const definition of definitions) await establish(cluster, definition);
  const model = startModelServer();
  cluster.run(model);
  await model.ready;
  const signature = JSON.parse(await readFile(join(islands, "signature.json"), "utf8"));
  await fillScene({ client, modelPort: await model.listening, signature });
  await fillHistory(client, records);
  const gateway = createGateway({
    client,
    informers: cluster.informers,
    listen: { host: "127.0.0.1", port: 0 },
    log: silent,
  });
  cluster.run(gateway);
  await gateway.ready;
  const { token } = await createCaller(client);
  const access = {
    token,
    get port() {
      return gateway.port;
    },
  };
  const secret = await loadConsoleSecret(dataDir);
  const console = createConsoleServer({
    api: cluster.handler,
    gateway: access,
    secret,
    dataDir,
    dist,
    log: cluster.log,
  });
  const serving: Serving = await serve({ ...console, port });
  return {
    cluster,
    url: serving.url,
    port: serving.port,
    dataDir,
    login: async () => (await createOneTimeLogin(dataDir)).token,
    async [Symbol.asyncDispose]() {
      await serving.close();
      await cluster[Symbol.asyncDispose]();
      await records[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function startModelServer() {
  const flags = [
    "--model_name=islands",
    `--model_base_path=${islands}`,
    "--rest_api_port=0",
    "--rest_api_host=127.0.0.1",
  ];
  return createModelServer(parseFlags(flags), { log: silent, version: "0" });
}

async function establish(cluster: TestCluster, definition: typeof domainDefinition): Promise<void> {
  await cluster.client.create(CustomResourceDefinitions, definition);
  await cluster.until(CustomResourceDefinitions, { name: definition.metadata.name }, (object) =>
    Boolean(object?.status?.conditions?.some((c) => c.type === "Established" && c.status === "True")),
  );
}
