import type { Service } from "@capstan/api/generated/core-v1";

/**
 * Variables of the services of a pod's namespace, and of default/kubernetes always.
 * Source: k8s.io/kubernetes pkg/kubelet/envvars FromServices.
 */
export function serviceEnvironment(services: Service[], namespace: string, links: boolean): Record<string, string> {
  const result: Record<string, string> = {};
  const master = services.filter(({ metadata }) => metadata.namespace === "default" && metadata.name === "kubernetes");
  const own = links ? services.filter(({ metadata }) => metadata.namespace === namespace) : [];
  for (const service of [...master, ...own]) {
    const { clusterIP, ports = [] } = service.spec ?? {};
    if (!clusterIP || clusterIP === "None" || ports.length === 0) continue;
    const name = service.metadata.name.toUpperCase().replaceAll("-", "_");
    result[`${name}_SERVICE_HOST`] = clusterIP;
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? "TCP";
      const url = `${protocol.toLowerCase()}://${clusterIP}:${port.port}`;
      if (index === 0) {
        result[`${name}_SERVICE_PORT`] = String(port.port);
        result[`${name}_PORT`] = url;
      }
      if (port.name) result[`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll("-", "_")}`] = String(port.port);
      const prefix = `${name}_PORT_${port.port}_${protocol}`;
      result[prefix] = url;
      result[`${prefix}_PROTO`] = protocol.toLowerCase();
      result[`${prefix}_PORT`] = String(port.port);
      result[`${prefix}_ADDR`] = clusterIP;
    }
  }
  return result;
}
