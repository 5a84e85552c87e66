// The backends that a route names: whether they may be named, and whether they are there.
import { gatewayGroup, type HttpBackendRef, type HttpRoute } from "@capstan/api/kinds/gateway";
import type { Verdict } from "./condition.ts";
import type { World } from "./world.ts";

export interface RefProblem {
  reason: "InvalidKind" | "RefNotPermitted" | "BackendNotFound" | "UnsupportedValue";
  message: string;
}

/** Why a backend cannot be used, or undefined. A Service without ready endpoints is no problem of the reference. */
export function backendProblem(ref: HttpBackendRef, namespace: string, world: World): RefProblem | undefined {
  const { group = "", kind = "Service", name, port } = ref;
  if (group !== "" || kind !== "Service") {
    return {
      reason: "InvalidKind",
      message: `${group ? `${group}/` : ""}${kind} "${name}": only a Service can be a backend`,
    };
  }
  const at = ref.namespace ?? namespace;
  if (at !== namespace && !permitted(world, namespace, at, name)) {
    const message = `Service ${at}/${name}: no ReferenceGrant in ${at} lets HTTPRoutes of ${namespace} refer to it`;
    return { reason: "RefNotPermitted", message };
  }
  const service = world.service({ namespace: at, name });
  if (!service) return { reason: "BackendNotFound", message: `Service ${at}/${name} does not exist` };
  if (service.spec?.type === "ExternalName") {
    return { reason: "UnsupportedValue", message: `Service ${at}/${name}: an ExternalName cannot be a backend` };
  }
  const ports = (service.spec?.ports ?? []).map((entry) => entry.port);
  if (port === undefined || !ports.includes(port)) {
    return {
      reason: "BackendNotFound",
      message: `Service ${at}/${name} has no port ${port ?? "(none given)"}; it has ${ports.join(", ")}`,
    };
  }
  return undefined;
}

function permitted(world: World, from: string, to: string, name: string): boolean {
  return world
    .grants(to)
    .some(
      ({ spec }) =>
        spec.from.some(
          (entry) => entry.group === gatewayGroup && entry.kind === "HTTPRoute" && entry.namespace === from,
        ) && spec.to.some((entry) => entry.group === "" && entry.kind === "Service" && (entry.name ?? name) === name),
    );
}

/** The condition ResolvedRefs of a route. */
export function resolvedRefs(route: HttpRoute, world: World): Verdict {
  const namespace = route.metadata.namespace ?? "";
  for (const rule of route.spec.rules ?? []) {
    for (const ref of rule.backendRefs ?? []) {
      const problem = backendProblem(ref, namespace, world);
      if (problem) return { type: "ResolvedRefs", status: false, ...problem };
    }
  }
  return { type: "ResolvedRefs", status: true, reason: "ResolvedRefs", message: "all backends are there" };
}
