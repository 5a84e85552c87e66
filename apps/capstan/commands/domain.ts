import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Namespaces } from "@capstan/api/generated/resources";
import { Domains } from "@capstan/api/kinds/domain";
import { ArchivedWorkflows, Lineages } from "@capstan/api/kinds/records";
import { isReason } from "@capstan/api/meta";
import { type Client, waitGone } from "@capstan/core/client";
import { deletedLabel, domainLabel } from "@capstan/operators/domain";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { clusterFlags, openCluster } from "./cluster-access.ts";
import { parse, UsageError } from "./usage.ts";

const flags = { ...clusterFlags, yes: { type: "boolean", default: false } } as const;

/** Deleted Domains keep their data: this shows them, and removes one's for good. */
export async function domain(args: string[]): Promise<number> {
  const { values, positionals } = parse("domain", args, flags, ["the verb (list or purge)", "NAME?"]);
  const [verb = "", name] = positionals;
  using cluster = await openCluster(values);
  if (verb === "list") return list(cluster.client);
  if (verb !== "purge") throw new UsageError("domain", `"${verb}" is none of list, purge`);
  if (!name) throw new UsageError("domain", "purge takes the NAME of a deleted Domain");
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    throw new UsageError("domain", `"${name}" is no Domain's name`);
  // Its artifacts are the platform's own files; a cluster of the user's own keeps none of them here.
  const isOwn = !values.kubeconfig && (values["data-dir"] || !process.env.KUBECONFIG);
  const artifacts = isOwn ? locateDataDirectory(values["data-dir"]).path("artifacts", name) : undefined;
  await purge(cluster.client, name, values.yes, artifacts !== undefined && existsSync(artifacts));
  if (artifacts) await rm(artifacts, { recursive: true, force: true });
  await purgeRecords(cluster.client, name);
  process.stdout.write(`domain ${name} is purged\n`);
  return 0;
}

/** What is kept of the namespace's workflows. Clusters that serve no records have none. */
async function purgeRecords(client: Client, namespace: string): Promise<void> {
  for (const resource of [ArchivedWorkflows, Lineages]) {
    try {
      await client.deleteCollection(resource, { namespace });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
  }
}

async function list(client: Client): Promise<number> {
  const { items } = await client.list(Namespaces, { labelSelector: domainLabel });
  const rows = items.map(({ metadata }) => {
    const deleted = metadata.labels?.[deletedLabel] === "true";
    return [metadata.name, deleted ? "deleted, data kept" : "active"];
  });
  for (const [name = "", state = ""] of [["NAME", "STATE"], ...rows])
    process.stdout.write(`${name.padEnd(32)}${state}\n`);
  return 0;
}

/**
 * @param hasRest whether a purge that was cut off has left artifacts
 * @throws when the Domain is there, or was never deleted
 */
async function purge(client: Client, name: string, yes: boolean, hasRest: boolean): Promise<void> {
  if (await client.find(Domains, { name })) {
    throw new Error(`domain ${name} is not deleted; delete it first: kubectl delete domain ${name}`);
  }
  const namespace = await client.find(Namespaces, { name });
  const { labels = {}, uid = "" } = namespace?.metadata ?? {};
  const isGone = namespace === undefined && hasRest;
  if (!isGone && (labels[domainLabel] !== name || labels[deletedLabel] !== "true")) {
    throw new Error(`there is no deleted domain ${name}; those that there are: capstan domain list`);
  }
  if (!yes) {
    throw new Error(
      `everything in namespace ${name} would be lost for good. If that is meant: capstan domain purge ${name} --yes`,
    );
  }
  if (isGone) return;
  await client.delete(Namespaces, { name }, { preconditions: { uid } });
  process.stdout.write(`namespace ${name} is being emptied …\n`);
  await waitGone(client, Namespaces, { name }, uid, AbortSignal.timeout(300_000));
}
