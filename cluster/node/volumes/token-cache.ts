import type { Pod } from "@capstan/api/generated/core-v1";
import { ServiceAccounts } from "@capstan/api/generated/resources";
import { pathOf } from "@capstan/api/meta";
import { type Client, readText } from "@capstan/core/client";

interface Token {
  token: string;
  /** Milliseconds since 1970 from which on a new one is asked for: 80 % of its life, as the kubelet does. */
  renew: number;
}

/** Tokens of pods' service accounts, each bound to its pod. */
export interface TokenCache {
  get(pod: Pod, audience: string | undefined, seconds: number): Promise<string>;
  /** When the first of a pod's tokens has to be renewed; undefined when it has none. */
  renewal(pod: Pod): number | undefined;
  forget(pod: Pod): void;
}

export function createTokenCache(client: Client): TokenCache {
  const pods = new Map<string, Map<string, Token>>();
  return {
    async get(pod, audience, seconds) {
      const { namespace = "", name, uid = "" } = pod.metadata;
      const own = pods.get(uid) ?? new Map<string, Token>();
      pods.set(uid, own);
      const key = `${audience ?? ""}:${seconds}`;
      const known = own.get(key);
      if (known && Date.now() < known.renew) return known.token;
      const account = pod.spec?.serviceAccountName || "default";
      const spec = {
        audiences: audience === undefined ? [] : [audience],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
      };
      const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec };
      const answer = await client.request({
        method: "POST",
        url: pathOf(ServiceAccounts, namespace, account, "token"),
        headers: { "content-type": "application/json" },
        body: new TextEncoder().encode(JSON.stringify(body)),
      });
      const { status } = JSON.parse(await readText(answer)) as {
        status: { token: string; expirationTimestamp: string };
      };
      const life = Date.parse(status.expirationTimestamp) - Date.now();
      own.set(key, { token: status.token, renew: Date.now() + 0.8 * life });
      return status.token;
    },
    renewal(pod) {
      const tokens = [...(pods.get(pod.metadata.uid ?? "")?.values() ?? [])];
      return tokens.length === 0 ? undefined : Math.min(...tokens.map(({ renew }) => renew));
    },
    forget: (pod) => void pods.delete(pod.metadata.uid ?? ""),
  };
}
