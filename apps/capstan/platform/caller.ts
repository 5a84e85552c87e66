// The account by which the administrator calls models: its token stands in a file for curl, and serves the console.
import { rename, writeFile } from "node:fs/promises";
import { ClusterRoleBindings, ClusterRoles, ServiceAccounts } from "@capstan/api/generated/resources";
import { pathOf } from "@capstan/api/meta";
import { sleep } from "@capstan/base/async";
import { type Client, createIfAbsent, readText } from "@capstan/core/client";

const account = { namespace: "kube-system", name: "capstan-caller" };
const lifeSeconds = 24 * 3600;

export interface Caller {
  /** A token with at least half of its life left. */
  token(): Promise<string>;
  /** Keeps a fresh token in a file (mode 0600) until the signal aborts; `written` resolves with the first. */
  keep(file: string): { start(signal: AbortSignal): Promise<void>; written: Promise<void> };
}

/** Makes the account and its right to call every InferenceService where they are missing. */
export async function createCaller(client: Client): Promise<Caller> {
  const { name } = account;
  await createIfAbsent(client, ServiceAccounts, { metadata: account });
  await createIfAbsent(client, ClusterRoles, {
    metadata: { name },
    rules: [{ apiGroups: ["serving.kserve.io"], resources: ["inferenceservices"], verbs: ["get"] }],
  });
  await createIfAbsent(client, ClusterRoleBindings, {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", ...account }],
  });
  let current: { token: string; renew: number } | undefined;
  const token = async () => {
    if (!current || Date.now() >= current.renew) {
      current = { token: await request(client), renew: Date.now() + (lifeSeconds * 1000) / 2 };
    }
    return current.token;
  };
  return {
    token,
    keep(file) {
      const { promise: written, resolve } = Promise.withResolvers<void>();
      return {
        written,
        async start(signal) {
          while (!signal.aborted) {
            await writeFile(`${file}.part`, await token(), { mode: 0o600 });
            await rename(`${file}.part`, file);
            resolve();
            await sleep((lifeSeconds * 1000) / 2, signal);
          }
        },
      };
    },
  };
}

async function request(client: Client): Promise<string> {
  const body = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: lifeSeconds },
  };
  const answer = await client.request({
    method: "POST",
    url: pathOf(ServiceAccounts, account.namespace, account.name, "token"),
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(JSON.stringify(body)),
  });
  return JSON.parse(await readText(answer)).status.token;
}
