import { ConfigMaps, Roles } from "@capstan/api/generated/resources";
import type { Domain } from "@capstan/api/kinds/domain";
import { domainLabel } from "./labels.ts";
import { memberRules } from "./role.ts";
import { ownerOf, type World } from "./world.ts";

export const settingsName = "domain-config";

export async function syncSettings({ client, informers }: World, domain: Domain): Promise<void> {
  const ref = { namespace: domain.metadata.name, name: settingsName };
  if (informers.informer(ConfigMaps).get(ref)) return;
  await client.create(ConfigMaps, { metadata: { ...ref, labels: { [domainLabel]: ref.namespace } }, data: {} });
}

/** Owned by the Domain, so that the garbage collector takes it with it. */
export async function syncRole({ client, informers }: World, domain: Domain): Promise<void> {
  const { name, uid } = domain.metadata;
  const present = informers.informer(Roles).get({ namespace: name, name });
  if (present?.metadata.ownerReferences?.some((owner) => owner.uid === uid)) return;
  const metadata = { namespace: name, name, ownerReferences: [ownerOf(domain)] };
  if (present) await client.update(Roles, { ...present, metadata: { ...present.metadata, ...metadata } });
  else await client.create(Roles, { metadata, rules: memberRules });
}
