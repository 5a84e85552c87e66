import { timingSafeEqual } from "node:crypto";
import { Secrets } from "@capstan/api/generated/resources";
import type { View } from "../request.ts";
import { withAuthenticated } from "./groups.ts";
import type { Accepted } from "./service-account-token.ts";

const shape = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const bootstrappers = "system:bootstrappers";
const groupShape = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export function isBootstrapToken(token: string): boolean {
  return shape.test(token);
}

/**
 * Who a token speaks for that lets a new node ask for its certificate: `id.secret`, kept in a Secret of kube-system.
 * Source: plugin/pkg/auth/authenticator/token/bootstrap.
 */
export function checkBootstrapToken(
  view: View,
  token: string,
  audiences: readonly string[],
  now: number,
): Accepted | { refused: string } {
  const [, id = "", secret = ""] = shape.exec(token) ?? [];
  const refused = { refused: "invalid bearer token" };
  const found = view.get(Secrets, { namespace: "kube-system", name: `bootstrap-token-${id}` });
  if (found?.type !== "bootstrap.kubernetes.io/token" || found.metadata.deletionTimestamp) return refused;
  const field = (name: string) => Buffer.from(found.data?.[name] ?? "", "base64").toString();
  const expected = Buffer.from(field("token-secret"));
  const given = Buffer.from(secret);
  if (expected.length !== given.length || !timingSafeEqual(expected, given) || field("token-id") !== id) return refused;
  const expiration = field("expiration");
  if (expiration !== "" && !(Date.parse(expiration) > now)) return refused;
  if (field("usage-bootstrap-authentication") !== "true") return refused;
  const extra = field("auth-extra-groups").split(",").filter(Boolean);
  if (extra.some((group) => !groupShape.test(group))) return refused;
  const groups = withAuthenticated([bootstrappers, ...extra]);
  return { principal: { name: `system:bootstrap:${id}`, groups }, audiences: [...audiences] };
}
