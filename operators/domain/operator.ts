import { ConfigMaps, Namespaces, Nodes, ResourceQuotas, Roles } from "@capstan/api/generated/resources";
import { type Domain, Domains } from "@capstan/api/kinds/domain";
import { apiVersionOf, type KubeObject, type ObjectRef } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Controller, createController, createRecorder, type Informers } from "@capstan/core/reconcile";
import { certificateProblem } from "./certificate.ts";
import { deletedLabel, domainLabel, nodeLabel } from "./labels.ts";
import { labelsOf, syncedLabels } from "./namespace.ts";
import { hardLimits, quotaName } from "./quota.ts";
import { memberRules } from "./role.ts";
import { changed, nodeStatuses } from "./status.ts";

export interface DomainOperatorOptions {
  client: Client;
  informers: Informers;
  log: Logger;
}

/** Of the namespace, and of the objects in it: the Domain has the namespace's name. */
const ofNamespace = (object: KubeObject): ObjectRef[] => {
  const name = object.metadata.labels?.[domainLabel];
  return name ? [{ name }] : [];
};
const ofInner = (object: KubeObject): ObjectRef[] => [{ name: object.metadata.namespace ?? "" }];

/** Reconciles Domains; namespaces, quotas, roles and settings that were removed by hand come back. */
export function createDomainOperator({ client, informers, log }: DomainOperatorOptions): Controller {
  const recorder = createRecorder(client, { component: "domain-controller" });
  const domains = informers.informer(Domains);
  const namespaces = informers.informer(Namespaces);
  const nodes = informers.informer(Nodes);
  const world: World = { client, informers };
  return createController({
    name: "domain",
    informers,
    log,
    sources: [
      { resource: Domains },
      { resource: Namespaces, keys: ofNamespace },
      { resource: ResourceQuotas, keys: ofInner, when: ({ object }) => object.metadata.name === quotaName },
      { resource: ConfigMaps, keys: ofInner, when: ({ object }) => object.metadata.name === settingsName },
      { resource: Roles, keys: ofInner, when: ({ object }) => object.metadata.name === object.metadata.namespace },
      { resource: Nodes, keys: (node) => nodeDomain(node), when: ({ object }) => nodeDomain(object).length > 0 },
    ],
    async reconcile(ref) {
      const domain = domains.get(ref);
      if (!domain || domain.metadata.deletionTimestamp) return markDeleted(world, ref.name);
      const problem = nameProblem(ref.name) ?? certificateProblem(domain.spec.cert);
      if (problem) recorder.warning(domain, "InvalidDomain", problem);
      if (nameProblem(ref.name)) return;
      if (namespaces.get(ref)?.metadata.deletionTimestamp) return;
      await syncNamespace(world, domain);
      await syncQuota(world, domain);
      await syncSettings(world, domain);
      await syncRole(world, domain);
      const own = nodes.list().filter((node) => node.metadata.labels?.[nodeLabel] === ref.name);
      const fresh = nodeStatuses(own);
      if (!changed(domain.status?.nodeStatuses, fresh)) return;
      await client.updateStatus(Domains, { ...domain, status: { ...domain.status, nodeStatuses: fresh } });
    },
  });
}

const settingsName = "domain-config";

const nodeDomain = (node: KubeObject): ObjectRef[] => {
  const name = node.metadata.labels?.[nodeLabel];
  return name ? [{ name }] : [];
};

function nameProblem(name: string): string | undefined {
  if (name === "master") return 'metadata.name: "master" is reserved; choose another name';
  if (name.includes(".")) return "metadata.name: a Domain's name becomes a namespace, so it cannot have dots";
  return undefined;
}

interface World {
  client: Client;
  informers: Informers;
}

async function markDeleted({ client, informers }: World, name: string): Promise<undefined> {
  const namespace = informers.informer(Namespaces).get({ name });
  if (namespace?.metadata.labels?.[domainLabel] !== name || namespace.metadata.deletionTimestamp) return;
  if (namespace.metadata.labels[deletedLabel] === "true") return;
  const body = { metadata: { labels: { [deletedLabel]: "true" } } };
  await client.patch(Namespaces, { name }, { type: "merge", body });
}

async function syncNamespace({ client, informers }: World, domain: Domain): Promise<void> {
  const { name } = domain.metadata;
  const namespace = informers.informer(Namespaces).get({ name });
  if (!namespace) {
    await client.create(Namespaces, { metadata: { name, labels: labelsOf(domain) }, spec: {} });
    return;
  }
  const labels = syncedLabels(namespace, domain);
  if (labels) await client.update(Namespaces, { ...namespace, metadata: { ...namespace.metadata, labels } });
}

/** A missing `resourceQuota` removes the quota; one without limits leaves it unchanged. */
async function syncQuota({ client, informers }: World, domain: Domain): Promise<void> {
  const ref = { namespace: domain.metadata.name, name: quotaName };
  const present = informers.informer(ResourceQuotas).get(ref);
  const { resourceQuota } = domain.spec;
  if (!resourceQuota) {
    if (present) await client.delete(ResourceQuotas, ref);
    return;
  }
  const hard = hardLimits(resourceQuota);
  if (!hard) return;
  if (!present) await client.create(ResourceQuotas, { metadata: ref, spec: { hard } });
  else if (JSON.stringify(sorted(present.spec.hard)) !== JSON.stringify(sorted(hard))) {
    await client.update(ResourceQuotas, { ...present, spec: { ...present.spec, hard } });
  }
}

const sorted = (limits: Record<string, string> | undefined) =>
  Object.entries(limits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

async function syncSettings({ client, informers }: World, domain: Domain): Promise<void> {
  const ref = { namespace: domain.metadata.name, name: settingsName };
  if (informers.informer(ConfigMaps).get(ref)) return;
  await client.create(ConfigMaps, { metadata: { ...ref, labels: { [domainLabel]: ref.namespace } }, data: {} });
}

/** Owned by the Domain, so that the garbage collector takes it with it. */
async function syncRole({ client, informers }: World, domain: Domain): Promise<void> {
  const { name, uid = "" } = domain.metadata;
  const present = informers.informer(Roles).get({ namespace: name, name });
  if (present?.metadata.ownerReferences?.some((owner) => owner.uid === uid)) return;
  const owner = { apiVersion: apiVersionOf(Domains), kind: Domains.kind, name, uid, controller: true };
  const metadata = { namespace: name, name, ownerReferences: [owner] };
  if (present) await client.update(Roles, { ...present, metadata: { ...present.metadata, ...metadata } });
  else await client.create(Roles, { metadata, rules: memberRules });
}
