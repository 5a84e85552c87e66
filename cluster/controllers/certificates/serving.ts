import type { CertificateRequest } from "@capstan/core/pki";

/** Signs what a Service of the cluster shows its clients, such as webhooks to the API server. */
export const servingSigner = "capstan.dev/serving";

const serviceName =
  /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?\.([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.svc(\.cluster\.local)?)?$/;

/** The one namespace whose Services the names are; undefined when they are addresses, other names or of several. */
export function serviceNamespace(hosts: string[]): string | undefined {
  const isShort = (host: string) => /^[-a-z0-9]+$/.test(host);
  const whole = hosts.filter((host) => !isShort(host)).map((host) => serviceName.exec(host));
  const namespaces = new Set(whole.map((match) => match?.[2]));
  // A name without its namespace is one of the Services that are named in full.
  const services = new Set(whole.map((match) => match?.[0].split(".")[0]));
  const [namespace] = namespaces;
  const own = hosts.every((host) => !isShort(host) || services.has(host));
  return namespaces.size === 1 && own ? namespace : undefined;
}

/** What is wrong with a request for a Service's certificate. */
export function servingProblem({ hosts = [], organizations = [] }: CertificateRequest): string | undefined {
  if (organizations.some((name) => name.startsWith("system:"))) {
    return "a Service's certificate names no group of the cluster";
  }
  if (hosts.length === 0) return "names are needed, such as SERVICE.NAMESPACE.svc";
  return serviceNamespace(hosts) ? undefined : "the names are not those of Services of one namespace";
}
