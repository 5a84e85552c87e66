import { existsSync } from "node:fs";
import { type Client, createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { locateDataDirectory } from "../instance/data-directory.ts";

/** Flags of commands that work on any cluster. */
export const clusterFlags = {
  kubeconfig: { type: "string" },
  context: { type: "string" },
  "data-dir": { type: "string" },
} as const;

export interface ClusterAccess extends Disposable {
  client: Client;
  /** PEM: what the cluster's servers are checked with. */
  ca: string | undefined;
  /** Where objects without a namespace go. */
  namespace: string;
}

interface Values {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  "data-dir"?: string | undefined;
}

/** @throws when there is no kubeconfig to use. */
export async function openCluster(values: Values): Promise<ClusterAccess> {
  const own = locateDataDirectory(values["data-dir"]);
  const file = values.kubeconfig ?? (values["data-dir"] ? undefined : process.env.KUBECONFIG) ?? own.kubeconfig;
  if (!existsSync(file)) {
    throw new Error(`there is no ${file}; name a cluster with --kubeconfig, or start the platform with: capstan up`);
  }
  const { transport, ca, namespace } = await openKubeconfig(file, values.context);
  const client = createClient(transport.handler, { userAgent: "capstan" });
  return { client, ca, namespace, [Symbol.dispose]: () => transport.close() };
}
