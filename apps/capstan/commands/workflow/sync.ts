// `capstan workflow sync VERB`: how many may hold a semaphore at once, in the database or in a ConfigMap.
import { ConfigMaps } from "@capstan/api/generated/resources";
import { SemaphoreLimits } from "@capstan/api/kinds/records";
import { alreadyExists, isReason, notFound } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { parse, parseNumber, UsageError } from "../usage.ts";
import { print, type Verb } from "./call.ts";
import { recordFlags, recordHelp, withRecords } from "./records-access.ts";

const help = `Usage: capstan workflow sync create|update KEY --type database|configmap --limit N [options]
       capstan workflow sync get|delete KEY --type database|configmap [options]

How many may hold the semaphore KEY of a namespace at once. Those of the database (synchronization.semaphores.database)
are shared by all clusters that use it; those of a ConfigMap (configMapKeyRef) are the cluster's own.

Options:
  --type TYPE         database or configmap
  --cm-name NAME      the ConfigMap
  --limit N
${recordHelp}

Try:
  capstan workflow sync create gpu --type database --limit 2
  capstan workflow sync update gpu --type configmap --cm-name my-config --limit 4`;

const flags = {
  ...recordFlags,
  type: { type: "string" },
  "cm-name": { type: "string" },
  limit: { type: "string" },
} as const;

/** Where a limit is kept. @throws StatusError NotFound, AlreadyExists */
interface Place {
  create(key: string, limit: number): Promise<void>;
  update(key: string, limit: number): Promise<void>;
  get(key: string): Promise<number>;
  delete(key: string): Promise<void>;
}

function inDatabase(client: Client, namespace: string): Place {
  const ref = (name: string) => ({ namespace, name });
  return {
    create: async (key, limit) => void (await client.create(SemaphoreLimits, { metadata: ref(key), spec: { limit } })),
    update: async (key, limit) => {
      const found = await client.get(SemaphoreLimits, ref(key));
      await client.update(SemaphoreLimits, { ...found, spec: { limit } });
    },
    get: async (key) => (await client.get(SemaphoreLimits, ref(key))).spec.limit,
    delete: (key) => client.delete(SemaphoreLimits, ref(key)),
  };
}

function inConfigMap(client: Client, namespace: string, name: string): Place {
  const ref = { namespace, name };
  const read = async (key: string): Promise<string> => {
    const text = (await client.get(ConfigMaps, ref)).data?.[key];
    if (text === undefined) throw notFound({ group: "", resource: `configmaps/${name}` }, key);
    return text;
  };
  const write = async (key: string, value: string | null) => {
    await client.patch(ConfigMaps, ref, { type: "merge", body: { data: { [key]: value } } });
  };
  return {
    async create(key, limit) {
      const map = await client.find(ConfigMaps, ref);
      if (map?.data?.[key] !== undefined) throw alreadyExists({ group: "", resource: `configmaps/${name}` }, key);
      if (map) return write(key, String(limit));
      try {
        await client.create(ConfigMaps, { metadata: ref, data: { [key]: String(limit) } });
      } catch (error) {
        if (!isReason(error, "AlreadyExists")) throw error;
        await write(key, String(limit));
      }
    },
    async update(key, limit) {
      await read(key);
      await write(key, String(limit));
    },
    get: async (key) => Number(await read(key)),
    async delete(key) {
      await read(key);
      await write(key, null);
    },
  };
}

const verbs = ["create", "update", "get", "delete"] as const;

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow sync", args, flags, [`the verb (${verbs.join(", ")})`, "KEY"]);
  const [given = "", key = ""] = positionals;
  const verb = verbs.find((one) => one === given);
  if (!verb) throw new UsageError("workflow sync", `"${given}" is none of ${verbs.join(", ")}`);
  const { type, "cm-name": map } = values;
  if (type !== "database" && type !== "configmap")
    throw new UsageError("workflow sync", "--type takes database or configmap");
  if (type === "configmap" && !map) throw new UsageError("workflow sync", "--type configmap needs --cm-name NAME");
  const isWrite = verb === "create" || verb === "update";
  if (isWrite && values.limit === undefined) throw new UsageError("workflow sync", `${verb} needs --limit N`);
  const limit = isWrite ? parseNumber("workflow sync", "--limit", values.limit ?? "", 0, 1_000_000) : 0;
  return withRecords(values, async ({ client, namespace }) => {
    const place = type === "database" ? inDatabase(client, namespace) : inConfigMap(client, namespace, map ?? "");
    if (verb === "delete") {
      await place.delete(key);
      print(`Deleted sync limit for ${key} in namespace ${namespace}`);
      return 0;
    }
    if (isWrite) await place[verb](key, limit);
    const present = isWrite ? limit : await place.get(key);
    print(`Key: ${key}\nType: ${type}`);
    if (map && type === "configmap") print(`ConfigMap Name: ${map}`);
    print(`Namespace: ${namespace}\nLimit: ${present}`);
    return 0;
  });
}

export const verb: Verb = { help, run };
