import type { Scale } from "@capstan/api/generated/autoscaling-v1";
import type { CrossVersionObjectReference } from "@capstan/api/generated/autoscaling-v2";
import { pathOf } from "@capstan/api/meta";
import { type Client, readText } from "@capstan/core/client";
import { findResource } from "./kind-lookup.ts";

/** What is scaled: anything with a scale subresource. */
export interface Target {
  /** Replicas that there should be. */
  current: number;
  /** Replicas that there are. */
  present: number;
  /** Of its pods, as a query; empty when it does not say. */
  selector: string;
  /** Conflict when somebody else scaled it meanwhile. */
  resize(replicas: number): Promise<void>;
}

/** Throws when nothing serves the kind, or the object does not exist or cannot be scaled. */
export async function readTarget(
  client: Client,
  namespace: string,
  { apiVersion = "", kind, name }: CrossVersionObjectReference,
): Promise<Target> {
  const resource = await findResource(client, apiVersion, kind);
  const url = pathOf(resource, namespace, name, "scale");
  const scale = JSON.parse(await readText(await client.request({ url }))) as Scale;
  return {
    current: scale.spec?.replicas ?? 0,
    present: scale.status?.replicas ?? 0,
    selector: scale.status?.selector ?? "",
    async resize(replicas) {
      const body = JSON.stringify({ ...scale, spec: { ...scale.spec, replicas } });
      const headers = { "content-type": "application/json" };
      await client.request({ method: "PUT", url, headers, body: new TextEncoder().encode(body) });
    },
  };
}
