import { mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Volume } from "@capstan/api/generated/core-v1";
import { ClusterRoles, CustomResourceDefinitions, Namespaces } from "@capstan/api/generated/resources";
import { domainDefinition } from "@capstan/api/kinds/domain";
import { imagePolicyDefinition } from "@capstan/api/kinds/image-policy";
import { workflowDefinitions } from "@capstan/api/kinds/workflow";
import { createLogger } from "@capstan/base/log";
import { type Client, createClient } from "@capstan/core/client";
import { openAuthority } from "@capstan/core/pki";
import { createElector, createInformers } from "@capstan/core/reconcile";
import { createRecords } from "@capstan/core/records";
import { openInCluster, openKubeconfig } from "@capstan/core/wire";
import { createCertificateRenewal } from "@capstan/operators/certificates";
import { createDomainOperator } from "@capstan/operators/domain";
import { createImagePolicyOperator, type ImagePolicyOptions } from "@capstan/operators/images";
import { createWorkflowOperator } from "@capstan/operators/workflow";
import { install, isInstalled } from "../platform/installed.ts";
import { platformRoles } from "../platform/roles.ts";
import { createExecutorPods, workflowOperatorRole } from "../platform/workflow-pods.ts";
import { readRecordsFlags, recordsFlags } from "./records-flags.ts";
import { parse, UsageError } from "./usage.ts";

/** Where processes that operate one cluster agree which of them does. */
const lease = { namespace: "kube-system", name: "capstan-operators" };

const flags = {
  kubeconfig: { type: "string" },
  context: { type: "string" },
  "webhook-host": { type: "string" },
  workflows: { type: "boolean", default: false },
  install: { type: "boolean", default: false },
  "executor-image": { type: "string" },
  "artifact-volume": { type: "string" },
  "config-namespace": { type: "string", default: "argo" },
  ...recordsFlags,
} as const;

interface Part {
  start(signal: AbortSignal): Promise<unknown>;
}

/**
 * Runs the Domain operator, the renewal of Services' certificates and, if asked, the workflow operators against any
 * cluster, by its public API alone.
 */
export async function operate(args: string[]): Promise<number> {
  const { values } = parse("operate", args, flags);
  const image = values["executor-image"];
  const artifactVolume = readVolume(values["artifact-volume"]);
  if (values.workflows && !image) {
    const build = "node tools/executor-image/main.ts builds it";
    throw new UsageError("operate", `--workflows needs --executor-image REFERENCE, which the nodes can pull: ${build}`);
  }
  const log = createLogger(({ fields, ...record }) => {
    process.stdout.write(`${JSON.stringify({ ...record, ...fields })}\n`);
  });
  const { transport } = await reach(values.kubeconfig ?? process.env.KUBECONFIG, values.context);
  const client = createClient(transport.handler, { userAgent: "capstan-operators" });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  const host = values["webhook-host"];
  await install(client, CustomResourceDefinitions, domainDefinition);
  if (host) await install(client, CustomResourceDefinitions, imagePolicyDefinition);
  if (values.install) await installWorkflows(client);
  const { url, archive } = readRecordsFlags("operate", values);
  await using records = url === undefined ? undefined : createRecords({ database: { url }, cluster: identify(client) });
  const elector = createElector({ client, lease, identity: `${hostname()}-${process.pid}`, log });
  await elector.start(stop.signal, async (signal) => {
    const informers = createInformers(client, { log });
    const domains = createDomainOperator({ client, informers, log });
    const certificates = createCertificateRenewal({ client, informers, log });
    const parts: Part[] = [informers, domains, certificates];
    if (values.workflows && image) {
      const configNamespace = values["config-namespace"];
      const pods = createExecutorPods({ client, informers, executorImage: image, artifactVolume, configNamespace });
      // Without a volume of artifacts there is no repository but those that workflows and namespaces name.
      const artifacts = artifactVolume ? { file: {} } : {};
      const kept = records && { records, ...(archive ? { archive } : {}) };
      parts.push(...createWorkflowOperator({ client, informers, log, artifacts, ...pods, ...kept }));
    }
    if (host) parts.push(await openImagePolicies({ client, informers, log, host }));
    await Promise.all(parts.map((part) => part.start(signal)));
  });
  transport.close();
  return 0;
}

/** A cluster is known by the UID of its namespace kube-system. */
const identify = (client: Client) => async () =>
  (await client.get(Namespaces, { name: "kube-system" })).metadata.uid ?? "";

/** By a kubeconfig, or from a pod of the cluster as the pod's account. */
async function reach(file: string | undefined, context: string | undefined) {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (file) return openKubeconfig(file, context);
  if (host && port) return openInCluster({ host, port });
  throw new UsageError("operate", "--kubeconfig is missing, KUBECONFIG is not set, and this is no pod of a cluster");
}

function readVolume(text: string | undefined): Omit<Volume, "name"> | undefined {
  if (text === undefined) return undefined;
  const wrong = `--artifact-volume takes a volume's source, such as '{"persistentVolumeClaim":{"claimName":"artifacts"}}'`;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && Object.keys(value).length === 1) return value;
  } catch (error) {
    throw new UsageError("operate", `${wrong}: ${(error as Error).message}`);
  }
  throw new UsageError("operate", wrong);
}

/** Argo's kinds, what users may do with them, and the role for the account that this runs as. */
async function installWorkflows(client: Client): Promise<void> {
  for (const definition of workflowDefinitions) {
    // Those that came with Argo itself stay as they are.
    const there = await client.find(CustomResourceDefinitions, { name: definition.metadata.name });
    if (!there || isInstalled(there)) await install(client, CustomResourceDefinitions, definition);
  }
  for (const role of [...platformRoles, workflowOperatorRole]) await install(client, ClusterRoles, role);
}

/** The webhook's authority lives as long as the process: the API server is told of it each time. */
async function openImagePolicies(options: Omit<ImagePolicyOptions, "authority">): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-webhook-"));
  const authority = await openAuthority({ directory, commonName: "capstan-webhooks" });
  const operator = createImagePolicyOperator({ ...options, authority });
  return {
    async start(signal: AbortSignal): Promise<void> {
      try {
        await operator.start(signal);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}
