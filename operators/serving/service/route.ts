// The HTTPRoute of a service: its host name, and what share each predictor gets.
import type { HttpRoute } from "@capstan/api/kinds/gateway";
import { type InferenceService, servingAnnotations } from "@capstan/api/kinds/serving";
import type { New } from "@capstan/api/meta";
import type { ServingOptions } from "../options.ts";
import { canaryName, hostnameOf, ownedMetadata, predictorName } from "./names.ts";

/** @param ready names of the canaries that may have their share; what the others would have stays with the predictor. */
export function buildRoute(
  service: InferenceService,
  ready: ReadonlySet<string>,
  options: Pick<ServingOptions, "domain" | "gateway">,
): New<HttpRoute> {
  const { name } = service.metadata;
  const shares = (service.spec.canary ?? []).map(({ predictor, trafficPercent }) => ({
    name: canaryName(name, predictor.name),
    weight: ready.has(predictor.name) ? trafficPercent : 0,
  }));
  const rest = 100 - shares.reduce((sum, { weight }) => sum + weight, 0);
  const backends = [{ name: predictorName(name), weight: rest }, ...shares];
  const auth = service.metadata.annotations?.[servingAnnotations.auth];
  const { timeout } = service.spec.predictor;
  return {
    metadata: {
      ...ownedMetadata(service, name, "ingress"),
      annotations: auth === undefined ? {} : { [servingAnnotations.auth]: auth },
    },
    spec: {
      parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", ...options.gateway }],
      hostnames: [hostnameOf(service, options)],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: backends.map((backend) => ({ group: "", kind: "Service", port: 80, ...backend })),
          ...(timeout === undefined ? {} : { timeouts: { request: `${timeout}s` } }),
        },
      ],
    },
  };
}
