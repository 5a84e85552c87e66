import type { CertificateRequest } from "@capstan/core/pki";

/** Signs what a Service of the cluster shows its clients, such as webhooks to the API server. */
export const servingSigner = "capstan.dev/serving";

const serviceName = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?\.([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.svc(\.[-a-z0-9.]+)?)?$/;

/** The one namespace whose Services the names are; undefined when they are other names or of several. */
export function serviceNamespace(hosts: string[]): string | undefined {
  const whole = hosts.filter((host) => host.includes("."));
  const namespaces = new Set(whole.map((host) => serviceName.exec(host)?.[2]));
  const [namespace] = namespaces;
  return namespaces.size === 1 ? namespace : undefined;
}

/** What is wrong with a request for a Service's certificate. */
export function servingProblem({ hosts = [], organizations = [] }: CertificateRequest): string | undefined {
  if (organizations.some((name) => name.startsWith("system:"))) {
    return "a Service's certificate names no group of the cluster";
  }
  if (hosts.length === 0) return "names are needed, such as SERVICE.NAMESPACE.svc";
  return serviceNamespace(hosts) ? undefined : "the names are not those of Services of one namespace";
}
