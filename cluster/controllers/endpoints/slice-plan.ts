import type { Endpoint, EndpointPort, EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices } from "@capstan/api/generated/resources";
import { isReason, type New, refOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { Informer } from "@capstan/core/reconcile";
import { saySame } from "../same.ts";
import { portKey, type TargetPort } from "./target.ts";

/** Endpoints of one slice. Source: --max-endpoints-per-slice. */
const perSlice = 100;

/** Endpoints that share their ports. */
export interface Group {
  addressType: "IPv4" | "IPv6" | "FQDN";
  ports: TargetPort[];
  endpoints: Endpoint[];
}

export interface SlicePlan {
  create: New<EndpointSlice>[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

export function groupKey(addressType: string, ports: TargetPort[] | EndpointPort[] | undefined): string {
  return `${addressType} ${portKey(ports as TargetPort[])}`;
}

/**
 * The fewest writes that make slices hold the groups: an endpoint stays in its slice, new ones fill up slices that
 * change anyway, then those with room.
 * @param metadata of each slice; new ones get a generated name.
 */
export function planSlices(
  groups: Group[],
  present: EndpointSlice[],
  metadata: New<EndpointSlice>["metadata"],
): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  const unused = new Set(present);
  for (const { addressType, ports, endpoints } of groups) {
    const waiting = new Map(endpoints.map((endpoint) => [identity(endpoint), endpoint]));
    const key = groupKey(addressType, ports);
    const own = present.filter((slice) => groupKey(slice.addressType, slice.ports) === key);
    const kept = own.map((slice) => {
      const stay = slice.endpoints.flatMap((endpoint) => {
        const now = waiting.get(identity(endpoint));
        waiting.delete(identity(endpoint));
        return now ? [now] : [];
      });
      return { slice, stay };
    });
    const rest = [...waiting.values()];
    for (const entry of kept.toSorted((a, b) => b.stay.length - a.stay.length)) {
      entry.stay.push(...rest.splice(0, perSlice - entry.stay.length));
    }
    const filled = kept.filter(({ stay }) => stay.length > 0);
    // A Service without endpoints has one empty slice.
    const used = filled.length > 0 || rest.length > 0 || endpoints.length > 0 ? filled : kept.slice(0, 1);
    for (const { slice, stay } of used) {
      unused.delete(slice);
      const wanted = { ...slice, endpoints: stay, metadata: { ...slice.metadata, labels: metadata.labels } };
      if (!saySame(face(wanted), face(slice))) plan.update.push(wanted);
    }
    const empty = used.length === 0 && endpoints.length === 0;
    while (rest.length > 0 || (empty && plan.create.length === 0)) {
      plan.create.push({ metadata, addressType, ports, endpoints: rest.splice(0, perSlice) });
    }
  }
  plan.delete = [...unused];
  return plan;
}

function identity({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.uid ?? ""} ${addresses.join()}`;
}

function face({ metadata, endpoints }: EndpointSlice): unknown {
  return [metadata.labels, endpoints];
}

export async function writeSlices(
  client: Client,
  informer: Informer<EndpointSlice>,
  plan: SlicePlan,
  signal: AbortSignal,
): Promise<void> {
  const written = await Promise.all([
    ...plan.create.map((slice) => client.create(EndpointSlices, slice)),
    ...plan.update.map((slice) => client.update(EndpointSlices, slice)),
  ]);
  const newest = Math.max(0, ...written.map(({ metadata }) => Number(metadata.resourceVersion)));
  for (const slice of plan.delete) {
    try {
      await client.delete(EndpointSlices, refOf(slice));
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
    await informer.when(refOf(slice), (now) => now?.metadata.uid !== slice.metadata.uid, signal);
  }
  await informer.until(String(newest), signal);
}
