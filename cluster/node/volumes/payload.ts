// The files of configMap, secret, downwardAPI and projected volumes.
import type {
  ConfigMapProjection,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  SecretProjection,
  Volume,
} from "@capstan/api/generated/core-v1";
import { type Allocatable, fieldValue, type PodAddresses, resourceValue } from "../containers/downward.ts";
import type { Payload } from "./atomic-directory.ts";

export interface VolumeData {
  /** Both `data` and `binaryData`. */
  configMap(namespace: string, name: string): Promise<Record<string, Uint8Array> | undefined>;
  secret(namespace: string, name: string): Promise<Record<string, Uint8Array> | undefined>;
  token(pod: Pod, audience: string | undefined, seconds: number): Promise<string>;
}

export interface PayloadContext {
  pod: Pod;
  addresses: PodAddresses;
  allocatable: Allocatable;
  data: VolumeData;
}

/** Undefined when the volume is of another type. */
export async function payloadOf(volume: Volume, context: PayloadContext): Promise<Payload | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume;
  const payload: Payload = new Map();
  if (configMap) await addConfigMap(payload, configMap, configMap.defaultMode ?? 0o644, context);
  else if (secret)
    await addSecret(payload, { ...secret, name: secret.secretName }, secret.defaultMode ?? 0o644, context);
  else if (downwardAPI) addDownward(payload, downwardAPI.items, downwardAPI.defaultMode ?? 0o644, context);
  else if (projected) {
    const mode = projected.defaultMode ?? 0o644;
    for (const source of projected.sources ?? []) {
      if (source.configMap) await addConfigMap(payload, source.configMap, mode, context);
      if (source.secret) await addSecret(payload, source.secret, mode, context);
      if (source.downwardAPI) addDownward(payload, source.downwardAPI.items, mode, context);
      if (source.clusterTrustBundle) throw new Error("projected source clusterTrustBundle is not supported");
      if (source.serviceAccountToken) {
        const { audience, expirationSeconds = 3600, path } = source.serviceAccountToken;
        const token = await context.data.token(context.pod, audience, expirationSeconds);
        payload.set(path, { data: Buffer.from(token), mode });
      }
    }
  } else return undefined;
  return payload;
}

async function addConfigMap(payload: Payload, source: ConfigMapProjection, mode: number, context: PayloadContext) {
  const { name = "", items, optional } = source;
  const namespace = context.pod.metadata.namespace ?? "";
  const data = await context.data.configMap(namespace, name);
  if (!data && !optional) throw new Error(`configmap "${name}" not found`);
  addKeys(payload, data ?? {}, items, mode, optional ?? false);
}

async function addSecret(payload: Payload, source: SecretProjection, mode: number, context: PayloadContext) {
  const { name = "", items, optional } = source;
  const namespace = context.pod.metadata.namespace ?? "";
  const data = await context.data.secret(namespace, name);
  if (!data && !optional) throw new Error(`secret "${name}" not found`);
  addKeys(payload, data ?? {}, items, mode, optional ?? false);
}

function addKeys(
  payload: Payload,
  data: Record<string, Uint8Array>,
  items: KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): void {
  if (!items?.length) {
    for (const [key, bytes] of Object.entries(data)) payload.set(key, { data: bytes, mode });
    return;
  }
  for (const item of items) {
    const bytes = data[item.key];
    if (bytes) payload.set(item.path, { data: bytes, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`references non-existent config key: ${item.key}`);
  }
}

function addDownward(payload: Payload, items: DownwardAPIVolumeFile[] = [], mode: number, context: PayloadContext) {
  const { pod, addresses, allocatable } = context;
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const container = pod.spec?.containers[0];
    let value = "";
    if (fieldRef) value = fieldValue(pod, addresses, fieldRef);
    else if (resourceFieldRef && container) value = resourceValue(pod, container, resourceFieldRef, allocatable);
    payload.set(path, { data: Buffer.from(value), mode: own ?? mode });
  }
}
