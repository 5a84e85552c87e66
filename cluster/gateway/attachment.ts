// Whether a route may attach to the listeners that its parentRefs name, and under which host names.
import {
  type Gateway,
  gatewayGroup,
  type HttpRoute,
  type Listener,
  type ParentReference,
} from "@capstan/api/kinds/gateway";
import { selects } from "@capstan/api/meta";
import type { Verdict } from "./condition.ts";
import { commonHostnames } from "./hostname.ts";
import type { World } from "./world.ts";

export interface Attachment {
  parentRef: ParentReference;
  gateway: Gateway;
  /** Where it is attached. */
  listeners: { listener: Listener; hostnames: string[] }[];
  accepted: Verdict;
}

/** Why a listener serves nothing, or undefined. @param port the one that this gateway listens on. */
export function listenerProblem({ protocol, port: wanted, tls }: Listener, port: number): Verdict | undefined {
  const no = (reason: string, message: string): Verdict => ({ type: "Accepted", status: false, reason, message });
  if (protocol !== "HTTP") return no("UnsupportedProtocol", `protocol: this gateway serves HTTP, not ${protocol}`);
  if (tls) return no("UnsupportedProtocol", "tls: this gateway serves plain HTTP");
  if (wanted !== port) return no("PortUnavailable", `port: this gateway listens on ${port}, not ${wanted}`);
  return undefined;
}

/** One for each parentRef that is a gateway of ours. */
export function attachmentsOf(route: HttpRoute, world: World, port: number): Attachment[] {
  return (route.spec.parentRefs ?? []).flatMap((parentRef) => {
    const { group = gatewayGroup, kind = "Gateway", name } = parentRef;
    const namespace = parentRef.namespace ?? route.metadata.namespace ?? "";
    if (group !== gatewayGroup || kind !== "Gateway") return [];
    const gateway = world.gateway({ namespace, name });
    return gateway ? [attach(route, parentRef, gateway, world, port)] : [];
  });
}

function attach(
  route: HttpRoute,
  parentRef: ParentReference,
  gateway: Gateway,
  world: World,
  port: number,
): Attachment {
  const no = (reason: string, message: string): Attachment => {
    return { parentRef, gateway, listeners: [], accepted: { type: "Accepted", status: false, reason, message } };
  };
  const named = gateway.spec.listeners.filter(
    (listener) =>
      (parentRef.sectionName === undefined || listener.name === parentRef.sectionName) &&
      (parentRef.port === undefined || listener.port === parentRef.port) &&
      !listenerProblem(listener, port),
  );
  if (named.length === 0)
    return no("NoMatchingParent", "no listener of the gateway that works has this sectionName and port");
  const allowed = named.filter((listener) => allows(listener, gateway, route, world));
  if (allowed.length === 0) {
    return no("NotAllowedByListeners", `the gateway's allowedRoutes do not let in ${route.metadata.namespace}`);
  }
  const listeners = allowed.flatMap((listener) => {
    const hostnames = commonHostnames(listener.hostname, route.spec.hostnames);
    return hostnames ? [{ listener, hostnames }] : [];
  });
  if (listeners.length === 0) {
    return no("NoMatchingListenerHostname", "no host name of the route is among those of the gateway's listeners");
  }
  const accepted = { type: "Accepted", status: true, reason: "Accepted", message: "the route is served" };
  return { parentRef, gateway, listeners, accepted };
}

function allows({ allowedRoutes }: Listener, gateway: Gateway, route: HttpRoute, world: World): boolean {
  const kinds = allowedRoutes?.kinds ?? [];
  const kindFits = ({ group = gatewayGroup, kind }: { group?: string; kind: string }) =>
    group === gatewayGroup && kind === "HTTPRoute";
  if (kinds.length > 0 && !kinds.some(kindFits)) return false;
  const { from = "Same", selector } = allowedRoutes?.namespaces ?? {};
  const namespace = route.metadata.namespace ?? "";
  if (from === "All") return true;
  if (from === "Same") return namespace === gateway.metadata.namespace;
  return from === "Selector" && selects(selector, world.namespace(namespace)?.metadata.labels);
}
