// Prometheus reads the workflows' numbers at the gateway, as whoever may get /metrics of the cluster.
import { SubjectAccessReviews, TokenReviews } from "@capstan/api/kinds/reviews";
import type { Handler, HttpResponse } from "@capstan/base/http";
import type { Client } from "@capstan/core/client";

export const metricsPath = "/metrics";

const refuse = (status: number, error: string): HttpResponse => ({
  status,
  headers: { "content-type": "application/json" },
  body: `${JSON.stringify({ error, status })}\n`,
});

/** @param text in Prometheus' format 0.0.4. */
export function createMetricsHandler(client: Client, text: () => string): Handler {
  return async ({ method, headers }) => {
    if (method !== "GET" && method !== "HEAD") return refuse(405, "metrics are read by GET");
    const token = /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
    const review = token && (await client.create(TokenReviews, { metadata: {}, spec: { token } }));
    const user = review ? review.status?.authenticated && review.status.user : undefined;
    if (!user) return refuse(401, "a valid bearer token is needed: get one with kubectl create token <serviceaccount>");
    const { username = "", uid, groups = [], extra } = user;
    const nonResourceAttributes = { path: metricsPath, verb: "get" };
    const spec = { user: username, uid, groups, extra, nonResourceAttributes };
    const access = await client.create(SubjectAccessReviews, { metadata: {}, spec });
    if (!access.status?.allowed)
      return refuse(403, `"${username}" may not get ${metricsPath}: bind a ClusterRole with that nonResourceURL`);
    return { status: 200, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" }, body: text() };
  };
}
