import type { Secret } from "@capstan/api/generated/core-v1";
import { ConfigMaps, ServiceAccounts } from "@capstan/api/generated/resources";
import { notFound } from "@capstan/api/meta";
import type { AdmissionPlugin, View } from "../request.ts";
import type { ServiceAccountTokens } from "./service-account-token.ts";

const type = "kubernetes.io/service-account-token";
const nameKey = "kubernetes.io/service-account.name";
// Seconds, a century: such a token ends with its Secret or its account.
const lifetime = 100 * 365 * 86_400;

/** Puts a token into a Secret that is made to hold one: for programs outside that cannot ask for short-lived ones. */
export function createTokenSecrets(
  view: View,
  tokens: ServiceAccountTokens,
  audiences: readonly string[],
): AdmissionPlugin {
  return {
    name: "ServiceAccountTokenSecret",
    admit: ({ operation, info, object }) => {
      if (operation !== "CREATE" || info.group !== "" || info.resource !== "secrets") return;
      const secret = object as Secret;
      const name = secret.metadata.annotations?.[nameKey];
      if (secret.type !== type || !name) return;
      const { namespace } = info;
      const account = view.get(ServiceAccounts, { namespace, name });
      if (!account) throw notFound(ServiceAccounts, name);
      const uid = account.metadata.uid ?? "";
      const binding = { kind: "Secret" as const, name: secret.metadata.name, uid: secret.metadata.uid ?? "" };
      const { token } = tokens.mint({ namespace, name, uid, audiences: [...audiences], lifetime, binding });
      const ca = view.get(ConfigMaps, { namespace, name: "kube-root-ca.crt" })?.data?.["ca.crt"];
      const own = { token, namespace, ...(ca ? { "ca.crt": ca } : {}) };
      const encoded = Object.entries(own).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
      secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
      secret.metadata.annotations = { ...secret.metadata.annotations, "kubernetes.io/service-account.uid": uid };
    },
  };
}
