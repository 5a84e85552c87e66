import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { Secret } from "@capstan/api/generated/core-v1";
import {
  CertificateSigningRequests,
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  Namespaces,
  Nodes,
  ResourceQuotas,
  RoleBindings,
  Roles,
  Secrets,
} from "@capstan/api/generated/resources";
import { type Domain, Domains } from "@capstan/api/kinds/domain";
import { isReason, type KubeObject, type ObjectRef } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import {
  type Controller,
  createController,
  createRecorder,
  type Informers,
  type Recorder,
  type Source,
} from "@capstan/core/reconcile";
import { certificateProblem } from "./certificate.ts";
import { confine } from "./confinement.ts";
import { revokeAll, syncTokens, tokenDomainOf, tokenIdOf } from "./deploy-token.ts";
import { domainLabel, nodeLabel } from "./labels.ts";
import { syncMembers } from "./members.ts";
import { foreignness, markDeleted, syncNamespace } from "./namespace.ts";
import { joinedNodes, readopt, release } from "./node.ts";
import { quotaName, syncQuota } from "./quota.ts";
import { settingsName, syncRole, syncSettings } from "./settings.ts";
import { changed, isDated, nodeStatuses, silentSince } from "./status.ts";
import type { World } from "./world.ts";

export interface DomainOperatorOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** The directory below which each namespace has its artifacts: pods may read their own from the node. */
  artifacts?: string;
  /** Milliseconds after which a silent node of a Domain is forgotten. Default 7 days. */
  staleAfter?: number;
  /** Milliseconds since 1970; default Date.now. */
  now?: () => number;
}

const staleDefault = 7 * 24 * 3_600_000;

/** Of the namespace, and of the objects in it: the Domain has the namespace's name. */
const ofNamespace = (object: KubeObject): ObjectRef[] => {
  const name = object.metadata.labels?.[domainLabel];
  return name ? [{ name }] : [];
};
const ofInner = (object: KubeObject): ObjectRef[] => [{ name: object.metadata.namespace ?? "" }];
const ofOwner = ({ metadata }: KubeObject): ObjectRef[] =>
  (metadata.ownerReferences ?? []).filter(({ kind }) => kind === Domains.kind).map(({ name }) => ({ name }));
const ofNode = (node: KubeObject): ObjectRef[] => {
  const name = node.metadata.labels?.[nodeLabel];
  return name ? [{ name }] : [];
};
const isOwned = ({ object, old }: { object: KubeObject; old?: KubeObject }) =>
  ofOwner(object).length > 0 || (old !== undefined && ofOwner(old).length > 0);

/** What wakes a Domain: itself, and everything of it that somebody may remove by hand. */
// biome-ignore lint/suspicious/noExplicitAny: sources of several kinds stand in one list
const sources: Source<any>[] = [
  { resource: Domains },
  { resource: Namespaces, keys: ofNamespace },
  { resource: ResourceQuotas, keys: ofInner, when: ({ object }) => object.metadata.name === quotaName },
  { resource: ConfigMaps, keys: ofInner, when: ({ object }) => object.metadata.name === settingsName },
  { resource: Roles, keys: ofInner, when: ({ object }) => object.metadata.name === object.metadata.namespace },
  ...[RoleBindings, ClusterRoles, ClusterRoleBindings].map((resource) => ({ resource, keys: ofOwner, when: isOwned })),
];

/** Reconciles Domains; namespaces, quotas, roles and settings that were removed by hand come back. */
export function createDomainOperator(options: DomainOperatorOptions): Controller {
  const { client, informers, log } = options;
  const recorder = createRecorder(client, { component: "domain-controller" });
  const domains = informers.informer(Domains);
  const namespaces = informers.informer(Namespaces);
  namespaces.addIndex("node", joinedNodes);
  const ofAnyNode = (node: KubeObject): ObjectRef[] => {
    const own = ofNode(node);
    if (own.length > 0) return own;
    return namespaces.byIndex("node", node.metadata.name).map(({ metadata }) => ({ name: metadata.name }));
  };
  informers.informer(Nodes).addIndex("domain", (node) => ofNode(node).map(({ name }) => name));
  const requests = informers.informer(CertificateSigningRequests);
  requests.addIndex("bootstrap-token", (request) => [tokenIdOf(request) ?? ""].filter(Boolean));
  const secrets = informers.informer(Secrets);
  const ofToken = (secret: Secret) => [tokenDomainOf(secret) ?? ""].filter(Boolean);
  secrets.addIndex("token-domain", ofToken);
  /** Which Domain a node asks to join. */
  const ofRequest = (request: CertificateSigningRequest): ObjectRef[] => {
    const id = tokenIdOf(request);
    return id ? ofNamespace(secrets.get({ namespace: "kube-system", name: `bootstrap-token-${id}` }) ?? request) : [];
  };
  const world: World = { client, informers };
  const controller = createController({
    name: "domain",
    // Each waits for the disk most of the time.
    workers: 32,
    informers,
    log,
    sources: [
      ...sources,
      { resource: Nodes, keys: ofAnyNode },
      { resource: CertificateSigningRequests, keys: ofRequest },
      { resource: Secrets, keys: (secret) => ofToken(secret).map((name) => ({ name })) },
    ],
    async reconcile(ref, signal) {
      const domain = domains.get(ref);
      if (!domain || domain.metadata.deletionTimestamp) {
        await revokeAll(world, ref.name);
        await markDeleted(world, ref.name);
        if (!domain && !namespaces.get(ref)) await release(world, ref.name);
        return;
      }
      const namespace = namespaces.get(ref);
      if (namespace?.metadata.deletionTimestamp) return;
      const refusal = nameProblem(ref.name) ?? foreignness(namespace, ref.name);
      if (refusal) {
        recorder.warning(domain, "InvalidDomain", refusal);
        return;
      }
      const problem = certificateProblem(domain.spec.cert);
      if (problem) recorder.warning(domain, "InvalidDomain", problem);
      await syncNamespace(world, domain);
      await syncQuota(world, domain);
      await syncSettings(world, domain);
      await syncRole(world, domain);
      for (const name of await syncMembers(world, domain)) recorder.warning(domain, "InvalidMember", name);
      await readopt(world, domain);
      return syncStatus(options, world, domain, recorder, signal);
    },
  });
  return {
    name: controller.name,
    enqueue: (ref) => controller.enqueue(ref),
    async start(signal) {
      await Promise.all([confine(client, options.artifacts, log), controller.start(signal)]);
    },
  };
}

/** Where the definition's own rules do not say so: on clusters that brought Kuscia's. */
function nameProblem(name: string): string | undefined {
  if (name === "master" || name === "default" || name.startsWith("kube-")) {
    return `metadata.name: "${name}" is reserved; choose another name`;
  }
  if (name.includes(".")) return "metadata.name: a Domain's name becomes a namespace, so it cannot have dots";
  return undefined;
}

/** Tells the state of the Domain's nodes and tokens, and forgets nodes that have been silent for too long. */
async function syncStatus(
  options: DomainOperatorOptions,
  world: World,
  domain: Domain,
  recorder: Recorder,
  signal: AbortSignal,
) {
  const { client, informers, now = Date.now, staleAfter = staleDefault } = options;
  const own = informers.informer(Nodes).byIndex("domain", domain.metadata.name);
  const isStale = (since: number | undefined) => since !== undefined && now() - since >= staleAfter;
  const kept = own.filter((node) => !isStale(silentSince(node)));
  for (const { metadata } of own.filter((node) => !kept.includes(node))) {
    recorder.normal(domain, "NodeForgotten", `node ${metadata.name} has been silent for too long`);
    await client
      .delete(Nodes, { name: metadata.name }, { preconditions: { uid: metadata.uid ?? "" } })
      .catch((error) => {
        if (!isReason(error, "NotFound", "Conflict")) throw error;
      });
  }
  const fresh = nodeStatuses(kept);
  const { nodeStatuses: told, deployTokenStatuses: before } = domain.status ?? {};
  const tokens = await syncTokens(world, domain, now());
  if (changed(told, fresh) || isDated(told, fresh) || JSON.stringify(before ?? []) !== JSON.stringify(tokens)) {
    const deployTokenStatuses = tokens.length > 0 ? { deployTokenStatuses: tokens } : {};
    const written = await client.updateStatus(Domains, {
      ...domain,
      status: { ...domain.status, nodeStatuses: fresh, ...deployTokenStatuses },
    });
    await informers.informer(Domains).until(written.metadata.resourceVersion, signal);
  }
  const waits = kept.flatMap((node) => silentSince(node) ?? []).map((since) => since + staleAfter - now());
  return waits.length > 0 ? { requeueAfter: Math.max(1, Math.min(...waits)) } : undefined;
}
