// The gateway takes bearer tokens alone. Whoever logged in by a one-time link has none: the console asks with its own,
// after it has seen that this person may `get` the InferenceService.
import type { TokenRequest } from "@capstan/api/generated/authentication-v1";
import { ClusterRoleBindings, ClusterRoles, ServiceAccounts } from "@capstan/api/generated/resources";
import { InferenceServices } from "@capstan/api/kinds/serving";
import { isReason, type KubeObject, type New, pathOf, type Resource } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { textOf } from "./body.ts";

const name = "capstan-console";
const namespace = "kube-system";
/** Seconds that a token is asked for; renewed when a fifth of it is left. */
const lifetime = 3600;

/** @param client may create the account, its role and its tokens. */
export function createGatewayToken(client: Client): () => Promise<string> {
  let current: Promise<{ token: string; renewAt: number }> | undefined;
  return async () => {
    const known = await current;
    if (known && known.renewAt > Date.now()) return known.token;
    const fresh = issue(client);
    current = fresh;
    // A failure is this caller's; the next one tries again.
    fresh.catch(() => {
      if (current === fresh) current = undefined;
    });
    return (await fresh).token;
  };
}

async function issue(client: Client): Promise<{ token: string; renewAt: number }> {
  const { group, resource } = InferenceServices;
  await ensure(client, ServiceAccounts, { metadata: { namespace, name } });
  await ensure(client, ClusterRoles, {
    metadata: { name },
    rules: [{ apiGroups: [group], resources: [resource], verbs: ["get"] }],
  });
  await ensure(client, ClusterRoleBindings, {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: lifetime },
  };
  const answer = await client.request({
    method: "POST",
    url: pathOf(ServiceAccounts, namespace, name, "token"),
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(request)),
  });
  const { status } = JSON.parse(await textOf(answer)) as TokenRequest;
  if (!status?.token) throw new Error("the API answered a TokenRequest without a token");
  return { token: status.token, renewAt: Date.now() + lifetime * 800 };
}

async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, object: New<T>): Promise<void> {
  try {
    await client.create(resource, object);
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}
