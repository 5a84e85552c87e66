// What a driver is told of a volume. Source: k8s.io/kubernetes pkg/volume/flexvolume NewOptionsForDriver.
import type { Pod } from "@capstan/api/generated/core-v1";
import { Secrets } from "@capstan/api/generated/resources";
import type { Client } from "@capstan/core/client";

/** A flexVolume of a pod, or of the persistent volume behind its claim. */
export interface FlexRequest {
  pod: Pod;
  /** Name of the pod's volume. */
  volume: string;
  /** The volume's own name: that of the persistent volume, else of the pod's volume. */
  name: string;
  driver: string;
  fsType: string;
  options: Record<string, string>;
  readOnly: boolean;
  secret?: { namespace: string; name: string };
}

export type Options = Record<string, string>;

/** Without what belongs to one pod: for calls that are about the node. */
export function volumeOptions(request: FlexRequest, extra: Options = {}): Options {
  return {
    "kubernetes.io/readwrite": request.readOnly ? "ro" : "rw",
    "kubernetes.io/fsType": request.fsType,
    ...extra,
    ...request.options,
    "kubernetes.io/pvOrVolumeName": request.name,
  };
}

/** @throws when the secret is not there or is of another type than the driver's. */
export async function mountOptions(client: Client, request: FlexRequest): Promise<Options> {
  const { pod } = request;
  const group = pod.spec?.securityContext?.fsGroup;
  return volumeOptions(request, {
    "kubernetes.io/pod.name": pod.metadata.name,
    "kubernetes.io/pod.namespace": pod.metadata.namespace ?? "",
    "kubernetes.io/pod.uid": pod.metadata.uid ?? "",
    "kubernetes.io/serviceAccount.name": pod.spec?.serviceAccountName ?? "",
    ...(await secretOptions(client, request)),
    ...(group === undefined ? {} : { "kubernetes.io/mounterArgs.FsGroup": String(group) }),
  });
}

async function secretOptions(client: Client, { secret, driver }: FlexRequest): Promise<Options> {
  if (!secret) return {};
  const found = await client.find(Secrets, secret);
  if (!found) throw new Error(`Couldn't get secret ${secret.namespace}/${secret.name} err: not found`);
  if (found.type !== driver) {
    throw new Error(`Couldn't get secret ${secret.namespace}/${secret.name} err: cannot get secret of type ${driver}`);
  }
  // The API's own form is base64, as the drivers' is.
  return Object.fromEntries(
    Object.entries(found.data ?? {}).map(([key, value]) => [`kubernetes.io/secret/${key}`, value]),
  );
}

/** Sorted, as Go writes a map. */
export const toJson = (options: Options) =>
  JSON.stringify(Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))));
