// NetworkPolicies, enforced on the node that all pods of the instance run on.
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { NetworkPolicy } from "@capstan/api/generated/networking-v1";
import { Namespaces, NetworkPolicies, Pods } from "@capstan/api/generated/resources";
import { aborted, deferred } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Informers, Recorder } from "@capstan/core/reconcile";
import { contains, createNftTable, type NftMonitor, nftMissing, parseCidr } from "@capstan/core/runtime";
import { createRounds } from "../rounds.ts";
import { type Compiled, compilePolicies, type PolicyPod, type Protocol } from "./compile.ts";
import { allowsConnection, type Connection } from "./decide.ts";
import { fixedRules, type PolicyNetwork, tableOf } from "./rules.ts";

export interface PolicyEngineOptions {
  informers: Informers;
  recorder: Recorder;
  /** Absent: pods have no network of their own, and policies are not enforced. */
  network?: PolicyNetwork & { table: string };
  /** Tells when somebody else deletes the table: it is made anew. */
  monitor?: Pick<NftMonitor, "onDeleted">;
  /** Why there is no `network`, where that is another reason. */
  foreign?: string;
  log: Logger;
}

export interface PolicyEngine {
  /** Resolves when the policies that were there are enforced, or cannot be. */
  ready: Promise<void>;
  start(signal: AbortSignal): Promise<void>;
  /** Why policies are not enforced; undefined when they are. */
  missing(): string | undefined;
  /** Whether a client may reach an endpoint that was chosen for it in user space. */
  allows(connection: Connection): boolean;
  /** Resolves when the policies for a pod that is about to start hold for its address. */
  admit(pod: Pod, ip: string): Promise<void>;
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

export function createPolicyEngine(options: PolicyEngineOptions): PolicyEngine {
  const { informers, recorder, network, monitor, foreign, log } = options;
  const policies = informers.informer(NetworkPolicies);
  const pods = informers.informer(Pods);
  const namespaces = informers.informer(Namespaces);
  const ready = deferred();
  const table = network ? createNftTable(network.table) : undefined;
  let missing = foreign ?? whyNot(network !== undefined);
  /** Pods that have an address which the API server may not know yet, by UID. */
  const admitted = new Map<string, { pod: Pod; ip: string }>();
  let compiled: Compiled | undefined;
  let opened = false;
  let suspect = false;
  let nodeAddresses = new Set<string>();
  const serviceRange = network && parseCidr(network.serviceCidr);
  /** The node's own traffic is never held up; the addresses of Services are the node's too. */
  const isNode = (address: string) =>
    address.startsWith("127.") ||
    nodeAddresses.has(address) ||
    (serviceRange !== undefined && contains(serviceRange, address));

  const compile = (): Compiled => {
    for (const [uid, { pod, ip }] of admitted) {
      const seen = pods.get({ namespace: pod.metadata.namespace ?? "", name: pod.metadata.name });
      if (seen?.metadata.uid !== uid || seen.status?.podIP === ip || isOver(seen)) admitted.delete(uid);
    }
    const present = pods.list().flatMap((pod) => policyPod(pod, pod.status?.podIP));
    const starting = [...admitted.values()].flatMap(({ pod, ip }) => policyPod(pod, ip));
    return compilePolicies({
      policies: policies.list(),
      pods: [...present, ...starting, ...(network ? [nameServer(network.dnsIp)] : [])],
      namespaceLabels: (name) => namespaces.get({ name })?.metadata.labels,
    });
  };
  const tell = (policy: NetworkPolicy) => tellMissing(recorder, policy, missing);
  const write = async (): Promise<void> => {
    if (!table || !network) return;
    const now = compile();
    nodeAddresses = ownAddresses();
    try {
      const wanted = tableOf(now, network);
      if (suspect && !(await table.exists())) opened = false;
      suspect = false;
      if (opened) await table.apply(wanted);
      else await table.open(fixedRules(network), wanted);
      opened = true;
      missing = undefined;
    } catch (error) {
      if (opened) {
        // Somebody else may have changed the table: it is made anew.
        opened = false;
        log.warn("the rules of network policies are written anew", { error });
        return await write();
      }
      missing = messageOf(error);
      log.error("network policies are not enforced", { error });
      for (const policy of policies.list()) tell(policy);
    }
    compiled = now;
  };
  const rounds = createRounds(write);

  return {
    ready: ready.promise,
    missing: () => missing,
    allows: (connection) =>
      !compiled ||
      missing !== undefined ||
      isNode(connection.source) ||
      isNode(connection.destination) ||
      allowsConnection(compiled, connection),
    async admit(pod, ip) {
      const { uid } = pod.metadata;
      if (!table || !uid || !ip || policies.list().length === 0) return;
      admitted.set(uid, { pod, ip });
      await rounds.run();
    },
    async start(signal) {
      await Promise.all([policies.synced(), pods.synced(), namespaces.synced()]);
      const concerned = () => policies.list().length > 0;
      const stops = [
        policies.onChange(({ type, object, old }) => {
          if (type !== "DELETED" && old?.metadata.generation !== object.metadata.generation) tell(object);
          void rounds.run();
        }),
        pods.onChange(({ object, old }) => {
          if (concerned() && (!old || faceOf(object) !== faceOf(old) || isOver(object))) void rounds.run();
        }),
        namespaces.onChange(() => concerned() && void rounds.run()),
      ];
      if (network && monitor)
        stops.push(
          monitor.onDeleted(network.table, () => {
            suspect = true;
            void rounds.run();
          }),
        );
      await rounds.run();
      ready.resolve();
      await aborted(signal);
      for (const stop of stops) stop();
      await rounds.rest();
      await table?.remove();
    },
  };
}

function tellMissing(recorder: Recorder, policy: NetworkPolicy, missing: string | undefined): void {
  if (missing) recorder.warning(policy, "NotEnforced", `This policy is not enforced: ${missing}`);
}

function whyNot(bridged: boolean): string | undefined {
  const lack = nftMissing();
  if (!bridged) return "pods have no network of their own: that needs root and the program ip";
  return lack === undefined ? undefined : `rules for packets need nft: ${lack}`;
}

function ownAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => address));
}

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
