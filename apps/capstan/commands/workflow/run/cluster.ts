// A cluster for one command: in this process, in a directory that goes with it. Nothing of it listens but the node's port.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import {
  type ClusterWorkflowTemplate,
  ClusterWorkflowTemplates,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import type { Handler, Principal } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { createApiServer } from "@capstan/cluster/apiserver";
import { bootstrapPriorityClasses, createAdmission } from "@capstan/cluster/apiserver/admission";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { createStreams } from "@capstan/cluster/apiserver/streams";
import { createControllers } from "@capstan/cluster/controllers";
import { defaultNodeName, releaseVolumes } from "@capstan/cluster/node";
import { createScheduler } from "@capstan/cluster/scheduler";
import { type Client, createClient } from "@capstan/core/client";
import { type Authority, openTokenSigner } from "@capstan/core/pki";
import { createInformers, type Informers } from "@capstan/core/reconcile";
import {
  allocateInstanceNetwork,
  type ImageMapping,
  type InstanceNetwork,
  releaseInstanceNetwork,
} from "@capstan/core/runtime";
import { createMemoryStore } from "@capstan/core/store";
import { createWorkflowOperator } from "@capstan/operators/workflow";
import { type NodeSettings, nodeAddress, openAgent, openRuntime } from "../../../platform/agent.ts";
import { kubeletClientRequest, nodeRequest, openCertificates } from "../../../platform/certificates.ts";
import { createParts, type Parts } from "../../../platform/parts.ts";
import type { RuntimeFlag } from "../../../platform/runtime-flag.ts";
import { makeDirectory, sweepRuns } from "./directory.ts";

export interface LocalOptions {
  imageMap: ImageMapping[];
  runtime: RuntimeFlag;
  log: Logger;
}

export interface LocalCluster extends AsyncDisposable {
  client: Client;
  /** Directory of a namespace's artifacts. */
  artifacts(namespace: string): string;
  /** Rejects when a part of it fails. */
  failed: Promise<never>;
}

const system: Principal = { name: "system:capstan", groups: ["system:masters", "system:authenticated"] };
/** Pods share this machine's network: there is nothing to set up, and nothing to take away. */
const bridged = false;

/** Pods run in namespaces of this machine, as on a node; when it is disposed of, all of it is gone. */
export async function startLocalCluster(options: LocalOptions): Promise<LocalCluster> {
  const { log } = options;
  await sweepRuns(log);
  const root = makeDirectory();
  const stop = new AbortController();
  const parts = createParts(log, stop.signal);
  const dispose = async () => {
    stop.abort();
    await parts.stopped();
    await releaseVolumes({ dataDir: root, nodeName: defaultNodeName(), log });
    releaseInstanceNetwork(root, { bridged });
    rmSync(root, { recursive: true, force: true });
  };
  try {
    const network = allocateInstanceNetwork(root, { bridged });
    const plane = await startPlane(root, network, parts, log);
    const artifacts = join(root, "artifacts");
    startLoops(plane, join(root, "volumes"), parts, log);
    await startNode(plane, { ...options, root, network, artifacts }, parts);
    await parts.ready();
    return {
      client: plane.client,
      artifacts: (namespace) => join(artifacts, namespace),
      failed: parts.failed,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

interface Plane {
  handler: Handler;
  client: Client;
  informers: Informers;
  authority: Authority;
}

async function startPlane(root: string, network: InstanceNetwork, parts: Parts, log: Logger): Promise<Plane> {
  const authority = await openCertificates(join(root, "pki"));
  const [kubelet, signer, store] = await Promise.all([
    authority.obtain("apiserver-kubelet-client", kubeletClientRequest),
    openTokenSigner(join(root, "pki")),
    createMemoryStore(),
  ]);
  const server = createApiServer({
    store,
    log,
    serviceCidr: network.serviceCidr,
    advertise: { address: "127.0.0.1", port: 6443 },
    extensions: [
      createAuthentication({ signer }),
      createAdmission({ log, client: () => client }),
      createStreams({ client: { ca: authority.cert, ...kubelet } }),
    ],
  });
  const client = createClient(server.handler, { principal: system, userAgent: "capstan" });
  const informers = createInformers(client, { log });
  parts.add({ name: "api-server", ready: server.ready, start: (signal) => server.start(signal) });
  parts.add({ name: "informers", start: (signal) => informers.start(signal) });
  await server.ready;
  await Promise.all([
    bootstrapPriorityClasses(client),
    ...workflowDefinitions.map((definition) => client.create(CustomResourceDefinitions, definition)),
  ]);
  return { handler: server.handler, client, informers, authority };
}

function startLoops({ client, informers, authority }: Plane, volumesDir: string, parts: Parts, log: Logger): void {
  const context = { client, informers, log };
  const loops = [
    ...createControllers({ ...context, rootCa: authority.cert, authority, volumesDir }),
    createScheduler(context),
    ...createWorkflowOperator(context),
  ];
  parts.add({
    name: "controllers",
    start: async (signal) => void (await Promise.all(loops.map((loop) => loop.start(signal)))),
  });
}

async function startNode(
  { handler, client, informers, authority }: Plane,
  options: LocalOptions & { root: string; network: InstanceNetwork; artifacts: string },
  parts: Parts,
): Promise<void> {
  const { root, log, network } = options;
  const name = defaultNodeName();
  const node: NodeSettings = { ...options, name, index: 0, dataDir: root, registries: {} };
  const [runtime, pair] = await Promise.all([
    openRuntime(node, handler, log),
    authority.obtain("node", nodeRequest(name, [nodeAddress(network)])),
  ]);
  parts.add({ name: "runtime", ready: runtime.ready, start: (signal) => runtime.start(signal) });
  await runtime.ready;
  const agent = openAgent(node, runtime, { client, informers, pair, ca: authority.cert }, undefined, log);
  parts.add({ name: "node", ready: agent.ready, start: (signal) => agent.start(signal) });
}

/** Makes the components' templates, to which pipelines of the canvas refer. */
export async function installComponents(client: Client): Promise<void> {
  const [{ toTemplates }, { catalogue }] = await Promise.all([
    import("@capstan/components/contract"),
    import("@capstan/components/library"),
  ]);
  const templates = toTemplates(catalogue.values());
  await client.create(ClusterWorkflowTemplates, templates as unknown as New<ClusterWorkflowTemplate>);
}
