import type { Service } from "@capstan/api/generated/core-v1";
import { EndpointSlices } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import type { View } from "./request.ts";

/**
 * One of the ready endpoints behind a service's port, as `address:port`: the server needs no service proxy to get there.
 * @param port name or number; empty for the first. Throws ServiceUnavailable when there is none.
 */
export function pickEndpoint(view: View, { metadata, spec }: Service, port: string): { address: string; port: number } {
  const { name, namespace } = metadata;
  const ports = spec.ports ?? [];
  const wanted = port === "" ? ports[0] : ports.find((p) => p.name === port || String(p.port) === port);
  if (!wanted) throw unavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const slices = view
    .list(EndpointSlices, namespace)
    .filter((slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === name);
  const ready = slices.flatMap(({ endpoints, ports: own = [] }) => {
    const number = own.find((p) => (p.name ?? "") === (wanted.name ?? ""))?.port;
    if (number === undefined) return [];
    const usable = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return usable.flatMap(({ addresses }) => addresses.map((address) => ({ address, port: number })));
  });
  const chosen = ready[Math.floor(Math.random() * ready.length)];
  if (!chosen) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return chosen;
}

const unavailable = (message: string) => new StatusError("ServiceUnavailable", message);
