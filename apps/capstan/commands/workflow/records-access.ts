// The records of a cluster: as its own API shows them or, where nothing serves them, straight from the database.
import { Namespaces } from "@capstan/api/generated/resources";
import type { Handler } from "@capstan/base/http";
import { silent } from "@capstan/base/log";
import { type Client, createClient } from "@capstan/core/client";
import { createRecords } from "@capstan/core/records";
import { readDatabaseUrl } from "../records-flags.ts";
import { type Call, commonFlags, commonHelp, withCluster } from "./call.ts";

export const recordFlags = { ...commonFlags, database: { type: "string" } } as const;

export const recordHelp = `  --database URL      PostgreSQL of "capstan operate --database": its clusters serve no records themselves
${commonHelp}`;

type Values = Parameters<typeof withCluster>[0] & { database?: string | undefined };

/** As withCluster. With a database the client's requests for records are answered from there. */
export function withRecords(values: Values, work: (call: Call) => Promise<number>): Promise<number> {
  const { database } = values;
  if (database === undefined) return withCluster(values, work);
  const url = readDatabaseUrl("workflow", database);
  return withCluster(values, async (call) => {
    await using direct = await openDirect(call.client, url);
    return await work({ ...call, client: direct.client });
  });
}

const path = "/apis/records.capstan.dev/";
/** Whoever has the database's password may do everything with its content. */
const principal = { name: "system:admin", groups: ["system:masters", "system:authenticated"] };

async function openDirect(cluster: Client, url: string): Promise<AsyncDisposable & { client: Client }> {
  const [{ createApiServer }, { createRecordsApi }, { createMemoryStore }] = await Promise.all([
    import("@capstan/cluster/apiserver"),
    import("@capstan/cluster/apiserver/records"),
    import("@capstan/core/store"),
  ]);
  const identity = async () => (await cluster.get(Namespaces, { name: "kube-system" })).metadata.uid ?? "";
  const records = createRecords({ database: { url }, cluster: identity });
  const store = await createMemoryStore();
  const server = createApiServer({
    store,
    log: silent,
    serviceCidr: "10.96.0.0/16",
    extensions: [createRecordsApi(records)],
  });
  const handler: Handler = (request) =>
    request.url.startsWith(path) ? server.handler({ ...request, principal }) : cluster.request(request);
  return {
    client: createClient(handler, { userAgent: "capstan" }),
    async [Symbol.asyncDispose]() {
      await records[Symbol.asyncDispose]();
      await store.close();
    },
  };
}
