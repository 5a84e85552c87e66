// Policies, pods and namespaces as they are now.
import { isIPv4 } from "node:net";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Namespaces, NetworkPolicies, Pods } from "@capstan/api/generated/resources";
import type { Informers } from "@capstan/core/reconcile";
import type { PolicyPod, PolicyWorld, Protocol } from "./compile.ts";

export interface Watched {
  synced(): Promise<void>;
  now(): PolicyWorld;
  /** Whether there is any policy. */
  concerned(): boolean;
  /** Counts a pod that has an address which the API server may not know yet. */
  admit(pod: Pod, ip: string): void;
  /** Calls `changed` when the rules may be others, `policy` for each policy that is new or has another spec. */
  follow(changed: () => void, policy: (policy: PolicyWorld["policies"][number]) => void): () => void;
}

/** @param dnsIp of the name server, which counts as a pod; absent: there is none. */
export function watchWorld(informers: Informers, dnsIp: string | undefined): Watched {
  const policies = informers.informer(NetworkPolicies);
  const pods = informers.informer(Pods);
  const namespaces = informers.informer(Namespaces);
  const admitted = new Map<string, { pod: Pod; ip: string }>();
  const concerned = () => policies.list().length > 0;
  const forgetKnown = () => {
    for (const [uid, { pod, ip }] of admitted) {
      const seen = pods.get({ namespace: pod.metadata.namespace ?? "", name: pod.metadata.name });
      if (seen?.metadata.uid !== uid || seen.status?.podIP === ip || isOver(seen)) admitted.delete(uid);
    }
  };
  return {
    synced: async () => void (await Promise.all([policies.synced(), pods.synced(), namespaces.synced()])),
    now() {
      forgetKnown();
      const present = pods.list().flatMap((pod) => policyPod(pod, pod.status?.podIP));
      const starting = [...admitted.values()].flatMap(({ pod, ip }) => policyPod(pod, ip));
      return {
        policies: policies.list(),
        pods: [...present, ...starting, ...(dnsIp ? [nameServer(dnsIp)] : [])],
        namespaceLabels: (name) => namespaces.get({ name })?.metadata.labels,
      };
    },
    concerned,
    admit: (pod, ip) => void admitted.set(pod.metadata.uid ?? "", { pod, ip }),
    follow(changed, policy) {
      const stops = [
        policies.onChange(({ type, object, old }) => {
          if (type !== "DELETED" && old?.metadata.generation !== object.metadata.generation) policy(object);
          changed();
        }),
        pods.onChange(({ type, object, old }) => {
          if (concerned() && (type !== "MODIFIED" || !old || faceOf(object) !== faceOf(old))) changed();
        }),
        namespaces.onChange(() => concerned() && changed()),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** CoreDNS' labels: what people's policies name when they allow names to be resolved. */
const nameServer = (ip: string): PolicyPod => ({
  ip,
  namespace: "kube-system",
  labels: { "k8s-app": "kube-dns" },
  ports: [
    { name: "dns", protocol: "udp", port: 53 },
    { name: "dns-tcp", protocol: "tcp", port: 53 },
  ],
  free: true,
});

const isOver = ({ status }: Pod) => status?.phase === "Succeeded" || status?.phase === "Failed";

/** What of a pod policies look at. */
const faceOf = (pod: Pod) => JSON.stringify([pod.metadata.labels, pod.status?.podIP, isOver(pod)]);

/** Pods on the node's own network have no address of their own, ended ones none any more. */
function policyPod(pod: Pod, ip: string | undefined): PolicyPod[] {
  const { metadata, spec } = pod;
  if (!ip || !isIPv4(ip) || spec?.hostNetwork || isOver(pod)) return [];
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const ports = containers.flatMap(({ ports: all }) =>
    (all ?? []).flatMap(({ name, protocol = "TCP", containerPort }) =>
      name ? [{ name, protocol: protocol.toLowerCase() as Protocol, port: containerPort }] : [],
    ),
  );
  return [{ ip, namespace: metadata.namespace ?? "", labels: metadata.labels ?? {}, ports }];
}
