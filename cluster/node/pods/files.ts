// /etc/hosts, /etc/resolv.conf and /etc/hostname of a pod.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Mount } from "@capstan/core/runtime";

export interface DnsSettings {
  /** Where pods ask; absent: no cluster DNS, pods get the node's settings. */
  server?: string;
  /** `cluster.local` */
  domain: string;
}

export function hostnameOf(pod: Pod): string {
  const name = pod.spec?.hostname || pod.metadata.name;
  // A host name has at most 63 characters, and ends in none of these.
  return name.slice(0, 63).replace(/[-.]+$/, "");
}

/** Made anew with every sandbox, since the address changes with it. */
export function writePodFiles(pod: Pod, directory: string, podIP: string, dns: DnsSettings): Mount[] {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const file = (name: string, text: string): Mount => {
    const hostPath = join(directory, name);
    writeFileSync(hostPath, text, { mode: 0o644 });
    return { containerPath: `/etc/${name}`, hostPath };
  };
  const host = pod.spec?.hostNetwork === true;
  const hosts = host ? hostsOfNode(pod) : hostsFile(pod, podIP, dns);
  return [
    file("hosts", hosts),
    file("resolv.conf", resolvConf(resolverOf(pod, dns))),
    file("hostname", `${host ? readFileSync("/etc/hostname", "utf8").trim() : hostnameOf(pod)}\n`),
  ];
}

/** Source: k8s.io/kubernetes pkg/kubelet managedHostsFileContent. */
function hostsFile(pod: Pod, podIP: string, { domain }: DnsSettings): string {
  const { subdomain } = pod.spec ?? {};
  const name = hostnameOf(pod);
  const full = subdomain ? `${name}.${subdomain}.${pod.metadata.namespace}.svc.${domain}\t` : "";
  return [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    `${podIP}\t${full}${name}`,
    ...aliases(pod),
    "",
  ].join("\n");
}

function hostsOfNode(pod: Pod): string {
  return [readFileSync("/etc/hosts", "utf8").trimEnd(), ...aliases(pod), ""].join("\n");
}

function aliases(pod: Pod): string[] {
  const { hostAliases = [] } = pod.spec ?? {};
  if (hostAliases.length === 0) return [];
  return [
    "",
    "# Entries added by HostAliases.",
    ...hostAliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join("\t")),
  ];
}

interface Resolver {
  servers: string[];
  searches: string[];
  options: string[];
}

/** Source: k8s.io/kubernetes pkg/kubelet/network/dns. */
export function resolverOf(pod: Pod, dns: DnsSettings): Resolver {
  const { dnsPolicy = "ClusterFirst", hostNetwork = false, dnsConfig } = pod.spec ?? {};
  const cluster = dnsPolicy === "ClusterFirstWithHostNet" || (dnsPolicy === "ClusterFirst" && !hostNetwork);
  let settings: Resolver;
  if (dnsPolicy === "None") settings = { servers: [], searches: [], options: [] };
  else if (cluster && dns.server) {
    const zone = `svc.${dns.domain}`;
    const searches = [`${pod.metadata.namespace}.${zone}`, zone, dns.domain, ...nodeResolver().searches];
    settings = { servers: [dns.server], searches, options: ["ndots:5"] };
  } else settings = nodeResolver();
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const added = options.map(({ name, value }) => (value === undefined ? `${name}` : `${name}:${value}`));
  const names = new Set(added.map((option) => option.split(":")[0]));
  const kept = settings.options.filter((option) => !names.has(option.split(":")[0]));
  const all = [...new Set([...settings.searches, ...searches])];
  const servers = [...new Set([...settings.servers, ...nameservers])];
  return { servers, searches: all, options: [...kept, ...added] };
}

function resolvConf({ servers, searches, options }: Resolver): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function nodeResolver(): Resolver {
  const lines = readFileSync("/etc/resolv.conf", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const words = (key: string) => lines.filter(([first]) => first === key).flatMap(([, ...rest]) => rest);
  return { servers: words("nameserver"), searches: words("search"), options: words("options") };
}
