// What the gateway says of classes, gateways and routes in their status.
import {
  type Gateway,
  type GatewayClass,
  type GatewayStatus,
  gatewayController,
  gatewayGroup,
  type HttpRoute,
  type Listener,
  type ListenerStatus,
  type RouteParentStatus,
} from "@capstan/api/kinds/gateway";
import { attachmentsOf, listenerProblem } from "./attachment.ts";
import { conditionsOf, type Verdict } from "./condition.ts";
import { resolvedRefs } from "./reference.ts";
import { compileRoute } from "./route-table.ts";
import { UnsupportedValue } from "./unsupported.ts";
import type { World } from "./world.ts";

const verdict = (type: string, status: boolean, reason: string, message: string): Verdict => ({
  type,
  status,
  reason,
  message,
});

export function classStatus(object: GatewayClass): GatewayClass["status"] {
  const accepted = verdict("Accepted", true, "Accepted", "served by Capstan's gateway");
  return {
    ...object.status,
    conditions: conditionsOf([accepted], object.metadata.generation ?? 1, object.status?.conditions),
  };
}

export function gatewayStatus(gateway: Gateway, world: World, at: { host: string; port: number }): GatewayStatus {
  const { generation = 1 } = gateway.metadata;
  const listeners = gateway.spec.listeners.map((listener, i) => {
    const conflict = gateway.spec.listeners.slice(0, i).some((earlier) => sameSocket(earlier, listener));
    return listenerStatus(gateway, listener, { world, port: at.port, conflict, generation });
  });
  const working = listeners.filter(({ conditions }) =>
    conditions.some(({ type, status }) => type === "Programmed" && status === "True"),
  ).length;
  const all = working === listeners.length;
  const message = all
    ? "every listener works"
    : `${working} of ${listeners.length} listeners work: see their conditions`;
  const verdicts = [
    verdict("Accepted", working > 0, all ? "Accepted" : "ListenersNotValid", message),
    verdict("Programmed", working > 0, working > 0 ? "Programmed" : "Invalid", message),
  ];
  const address = at.host === "0.0.0.0" || at.host === "::" ? "127.0.0.1" : at.host;
  return {
    addresses: working > 0 ? [{ type: "IPAddress", value: address }] : [],
    conditions: conditionsOf(verdicts, generation, gateway.status?.conditions),
    listeners,
  };
}

const sameSocket = (a: Listener, b: Listener) => a.port === b.port && (a.hostname ?? "") === (b.hostname ?? "");

function listenerStatus(
  gateway: Gateway,
  listener: Listener,
  { world, port, conflict, generation }: { world: World; port: number; conflict: boolean; generation: number },
): ListenerStatus {
  const before = gateway.status?.listeners?.find(({ name }) => name === listener.name);
  const problem = listenerProblem(listener, port);
  const kinds = listener.allowedRoutes?.kinds ?? [];
  const known = kinds.filter(({ group = gatewayGroup, kind }) => group === gatewayGroup && kind === "HTTPRoute");
  const kindsFit = known.length === kinds.length;
  const works = !problem && !conflict;
  const verdicts = [
    problem ?? verdict("Accepted", true, "Accepted", "the listener can be served"),
    verdict(
      "Conflicted",
      conflict,
      conflict ? "HostnameConflict" : "NoConflicts",
      conflict ? "an earlier listener has the same port and hostname" : "no conflict",
    ),
    verdict(
      "ResolvedRefs",
      kindsFit,
      kindsFit ? "ResolvedRefs" : "InvalidRouteKinds",
      kindsFit ? "all route kinds are known" : "allowedRoutes.kinds: only HTTPRoute is served",
    ),
    verdict(
      "Programmed",
      works,
      works ? "Programmed" : "Invalid",
      works ? `listening on ${port}` : "the listener is not served",
    ),
  ];
  const attached = world
    .routes()
    .filter((route) =>
      attachmentsOf(route, world, port).some(
        (attachment) =>
          attachment.gateway.metadata.uid === gateway.metadata.uid &&
          attachment.listeners.some((at) => at.listener.name === listener.name),
      ),
    );
  const supported = kinds.length === 0 || known.length > 0 ? [{ group: gatewayGroup, kind: "HTTPRoute" }] : [];
  return {
    name: listener.name,
    supportedKinds: supported,
    attachedRoutes: works ? attached.length : 0,
    conditions: conditionsOf(verdicts, generation, before?.conditions),
  };
}

/** Statuses of other controllers stay as they are. */
export function routeStatus(route: HttpRoute, world: World, port: number): { parents: RouteParentStatus[] } {
  const { generation = 1 } = route.metadata;
  const others = (route.status?.parents ?? []).filter(({ controllerName }) => controllerName !== gatewayController);
  const rules = compileRoute(route);
  const own = attachmentsOf(route, world, port).map(({ parentRef, accepted }): RouteParentStatus => {
    const before = route.status?.parents.find(
      (parent) => parent.controllerName === gatewayController && sameParent(parent.parentRef, parentRef),
    );
    const supported =
      accepted.status && rules instanceof UnsupportedValue
        ? verdict("Accepted", false, "UnsupportedValue", rules.message)
        : accepted;
    const conditions = conditionsOf([supported, resolvedRefs(route, world)], generation, before?.conditions);
    return { parentRef, controllerName: gatewayController, conditions };
  });
  return { parents: [...others, ...own] };
}

function sameParent(a: RouteParentStatus["parentRef"], b: RouteParentStatus["parentRef"]): boolean {
  const fields = ["group", "kind", "namespace", "name", "sectionName", "port"] as const;
  return fields.every((field) => a[field] === b[field]);
}
