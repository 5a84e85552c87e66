// What pods take from ConfigMaps, Secrets and service accounts.
import type { Pod } from "@capstan/api/generated/core-v1";
import { ConfigMaps, Secrets } from "@capstan/api/generated/resources";
import type { Client } from "@capstan/core/client";
import type { DataSource } from "./containers/environment.ts";
import type { VolumeData } from "./volumes/payload.ts";
import type { TokenCache } from "./volumes/token-cache.ts";

/** Reads the server itself: what was written before the pod was must be seen. */
export function createVariables(client: Client): DataSource {
  return {
    configMap: async (namespace, name) => {
      const found = await client.find(ConfigMaps, { namespace, name });
      return found && (found.data ?? {});
    },
    secret: async (namespace, name) => {
      const found = await client.find(Secrets, { namespace, name });
      return found && decodeAll(found.data ?? {});
    },
  };
}

export function createVolumeData(client: Client, tokens: TokenCache): VolumeData {
  return {
    configMap: async (namespace, name) => {
      const found = await client.find(ConfigMaps, { namespace, name });
      if (!found) return undefined;
      const texts = Object.entries(found.data ?? {}).map(([key, text]) => [key, Buffer.from(text)] as const);
      return { ...Object.fromEntries(texts), ...decodeAll(found.binaryData ?? {}) };
    },
    secret: async (namespace, name) => {
      const found = await client.find(Secrets, { namespace, name });
      return found && decodeAll(found.data ?? {});
    },
    token: (pod, audience, seconds) => tokens.get(pod, audience, seconds),
  };
}

function decodeAll(data: Record<string, string>): Record<string, Uint8Array> {
  return Object.fromEntries(Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, "base64")]));
}

/** Names of the ConfigMaps and Secrets that a pod's variables and volumes refer to: `configmaps/a`, `secrets/b`. */
export function referencesOf(pod: Pod): Set<string> {
  const found = new Set<string>();
  const configMap = (name: string | undefined) => name && found.add(`configmaps/${name}`);
  const secret = (name: string | undefined) => name && found.add(`secrets/${name}`);
  const { containers = [], initContainers = [], ephemeralContainers = [], volumes = [] } = pod.spec ?? {};
  for (const { env = [], envFrom = [] } of [...containers, ...initContainers, ...ephemeralContainers]) {
    for (const { configMapRef, secretRef } of envFrom) {
      configMap(configMapRef?.name);
      secret(secretRef?.name);
    }
    for (const { valueFrom } of env) {
      configMap(valueFrom?.configMapKeyRef?.name);
      secret(valueFrom?.secretKeyRef?.name);
    }
  }
  for (const volume of volumes) {
    configMap(volume.configMap?.name);
    secret(volume.secret?.secretName);
    secret(volume.flexVolume?.secretRef?.name);
    for (const source of volume.projected?.sources ?? []) {
      configMap(source.configMap?.name);
      secret(source.secret?.name);
    }
  }
  return found;
}
