// Who may call: a bearer token that the cluster knows, and the right to `get` what the route serves.
import { createHash } from "node:crypto";
import type { UserInfo } from "@capstan/api/generated/authentication-v1";
import { gatewayGroup, type HttpRoute } from "@capstan/api/kinds/gateway";
import { SubjectAccessReviews, TokenReviews } from "@capstan/api/kinds/reviews";
import { InferenceServices, servingAnnotations, servingLabels } from "@capstan/api/kinds/serving";
import type { Client } from "@capstan/core/client";
import { createExpiringCache } from "./expiring-cache.ts";
import type { Refusal } from "./refusal.ts";

// Milliseconds that an answer of the cluster counts: a withdrawn right lives on for so long, a new one waits for so long.
const allowedFor = 10_000;
const deniedFor = 1_000;
const mostCached = 10_000;

/** Says why a caller is refused, or undefined when it may pass. */
export interface Access {
  check(route: HttpRoute, authorization: string | undefined): Promise<Refusal | undefined>;
}

interface Target {
  group: string;
  resource: string;
  namespace: string;
  name: string;
}

/** What the caller must be allowed to `get`: the InferenceService behind the route, else the route itself. */
export function targetOf({ metadata }: HttpRoute): Target {
  const service = metadata.labels?.[servingLabels.service];
  const namespace = metadata.namespace ?? "";
  if (!service) return { group: gatewayGroup, resource: "httproutes", namespace, name: metadata.name };
  return { group: InferenceServices.group, resource: InferenceServices.resource, namespace, name: service };
}

export function isOpen({ metadata }: HttpRoute): boolean {
  return metadata.annotations?.[servingAnnotations.auth] === "none";
}

export function createAccess(client: Client, now: () => number = Date.now): Access {
  const users = createExpiringCache<UserInfo | undefined>(mostCached, now);
  const rights = createExpiringCache<boolean>(mostCached, now);

  const userOf = (token: string) =>
    // The hash, so that no token lies in the cache.
    users.get(createHash("sha256").update(token).digest("base64"), async () => {
      const review = await client.create(TokenReviews, { metadata: {}, spec: { token } });
      const user = review.status?.authenticated ? review.status.user : undefined;
      return { value: user, for: user ? allowedFor : deniedFor };
    });

  const mayGet = (user: UserInfo, target: Target) =>
    rights.get(JSON.stringify([user, target]), async () => {
      const { username = "", uid, groups = [], extra } = user;
      const resourceAttributes = { verb: "get", version: "*", ...target };
      const spec = { user: username, uid, groups, extra, resourceAttributes };
      const review = await client.create(SubjectAccessReviews, { metadata: {}, spec });
      const allowed = review.status?.allowed === true;
      return { value: allowed, for: allowed ? allowedFor : deniedFor };
    });

  return {
    async check(route, authorization) {
      if (isOpen(route)) return undefined;
      const target = targetOf(route);
      const what = `${target.resource}.${target.group} "${target.name}" in the namespace "${target.namespace}"`;
      const token = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
      const user = token ? await userOf(token) : undefined;
      if (!user) {
        const problem = token ? "the bearer token is not valid, or has expired" : "a bearer token is needed";
        const how = `get one with: kubectl create token <serviceaccount> -n ${target.namespace}, and send it as "Authorization: Bearer <token>"`;
        const headers = { "www-authenticate": 'Bearer realm="capstan"' };
        return { status: 401, reason: "Unauthorized", message: `${problem}: ${how}`, headers };
      }
      if (await mayGet(user, target)) return undefined;
      const message = `"${user.username}" may not get ${what}: bind a Role that allows the verb get on it`;
      return { status: 403, reason: "Forbidden", message };
    },
  };
}
