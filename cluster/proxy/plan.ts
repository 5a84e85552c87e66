// What has to be listened at, and where it leads: for Services, and for host ports of pods.
import { isIPv4 } from "node:net";
import type { Pod, Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { keyOf, refOf } from "@capstan/api/meta";
import { backendsOf, portsOf, type ServicePort, schedulerAnnotation, virtualAddress } from "./backends.ts";
import type { BalancerSettings } from "./balancer.ts";
import { isSchedulerName, schedulerNames } from "./schedulers.ts";

export interface Frontend {
  host: string;
  port: number;
  /** `external`: an address that need not be the node's own. */
  kind: "cluster" | "node" | "external";
}

/** One port, and all addresses at which it leads to the same backends. */
export interface Plan {
  id: string;
  port: ServicePort;
  settings: BalancerSettings;
  frontends: Frontend[];
}

export interface PlanOptions {
  /** Where node ports, and host ports without an address, are reached. */
  nodeAddresses: string[];
}

// The API's default for sessionAffinityConfig.clientIP.timeoutSeconds.
const affinitySeconds = 10_800;

/** @param problem is told what of the Service has no effect. */
export function planService(
  service: Service,
  slices: EndpointSlice[],
  { nodeAddresses }: PlanOptions,
  problem: (text: string) => void,
): Plan[] {
  const address = virtualAddress(service);
  if (!address) return [];
  const key = keyOf(refOf(service));
  const asked = service.metadata.annotations?.[schedulerAnnotation];
  if (asked !== undefined && !isSchedulerName(asked)) {
    problem(
      `annotation ${schedulerAnnotation}: no scheduler ${asked}, taking rr; there are ${schedulerNames.join(", ")}`,
    );
  }
  const { sessionAffinity, sessionAffinityConfig, internalTrafficPolicy, externalTrafficPolicy } = service.spec;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySeconds;
  const common = {
    scheduler: isSchedulerName(asked) ? asked : ("rr" as const),
    affinity: sessionAffinity === "ClientIP" ? seconds * 1000 : undefined,
  };
  return portsOf(service).flatMap((port) => {
    const id = `${key} ${port.protocol} ${port.port}`;
    const [inside, outside] = [internalTrafficPolicy === "Local", externalTrafficPolicy === "Local"];
    const plan = (name: string, local: boolean, frontends: Frontend[]): Plan => {
      const settings = { ...common, backends: backendsOf(service, slices, port, local) };
      return { id: name, port, settings, frontends };
    };
    const own: Frontend[] = [{ host: address, port: port.port, kind: "cluster" }];
    const others = outsideFrontends(service, port, nodeAddresses).filter(({ host }) => host !== address);
    if (inside === outside) return [plan(id, inside, [...own, ...others])];
    return [plan(id, inside, own), ...(others.length > 0 ? [plan(`${id} from outside`, outside, others)] : [])];
  });
}

function outsideFrontends({ spec, status }: Service, port: ServicePort, nodeAddresses: string[]): Frontend[] {
  const node = port.nodePort ?? 0;
  const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip && ipMode !== "Proxy" ? [ip] : [],
  );
  const external = [...(spec.externalIPs ?? []), ...balanced].filter((ip) => isIPv4(ip));
  return [
    ...(node ? nodeAddresses.map((host): Frontend => ({ host, port: node, kind: "node" })) : []),
    ...[...new Set(external)].map((host): Frontend => ({ host, port: port.port, kind: "external" })),
  ];
}

/** Host ports of a pod that has an address of its own. */
export function planPod(pod: Pod, { nodeAddresses }: PlanOptions): Plan[] {
  const { metadata, spec, status } = pod;
  const address = status?.podIP;
  if (!address || !isIPv4(address) || spec.hostNetwork || status.phase === "Succeeded" || status.phase === "Failed")
    return [];
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports = [...spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ hostPort, hostIP, containerPort, protocol = "TCP" }) => {
    if (!hostPort || (protocol !== "TCP" && protocol !== "UDP")) return [];
    const hosts = (hostIP ? [hostIP] : nodeAddresses).filter((host) => isIPv4(host));
    const backend = { address, port: containerPort, weight: 1 };
    return [
      {
        id: `host port of ${keyOf(refOf(pod))} ${metadata.uid} ${protocol} ${hostIP ?? ""}:${hostPort}`,
        port: { name: "", protocol, port: hostPort, nodePort: undefined },
        settings: { backends: [backend], scheduler: "rr" as const, affinity: undefined },
        frontends: hosts.map((host): Frontend => ({ host, port: hostPort, kind: "node" })),
      },
    ];
  });
}
