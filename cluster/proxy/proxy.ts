import type { Pod, Service } from "@capstan/api/generated/core-v1";
import { EndpointSlices, Pods, Services } from "@capstan/api/generated/resources";
import { type KubeObject, keyOf, refOf } from "@capstan/api/meta";
import { aborted, deferred } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Informers, Recorder } from "@capstan/core/reconcile";
import { backendsOf, portsOf, serviceLabel } from "./backends.ts";
import { createHealthPorts } from "./health.ts";
import type { KernelOptions } from "./kernel/kernel.ts";
import type { KernelNetwork } from "./kernel/rules.ts";
import { planPod, planService } from "./plan.ts";
import type { Connection } from "./policy/decide.ts";
import { type ProxyMode, Serving } from "./serving.ts";

export interface ServiceProxyOptions {
  informers: Informers;
  /** Default: user space. */
  mode?: ProxyMode;
  /** Where node ports, host ports and health checks are reached; default all addresses of the node. */
  nodeAddresses?: string[];
  /** Needed for mode nftables; in user space it makes addresses reachable that are not the node's own. */
  kernel?: KernelNetwork & { table: string };
  /** Tells when somebody else deletes the kernel's table: it is made anew. */
  monitor?: KernelOptions["monitor"];
  /** Tells people what of a Service has no effect. */
  recorder?: Recorder;
  /** Whether a client may reach an endpoint: asked for connections that are made in user space. */
  allows?: (connection: Connection) => boolean;
  log: Logger;
}

export interface ServiceProxy {
  /** Resolves when the services that were there are served. */
  ready: Promise<void>;
  start(signal: AbortSignal): Promise<void>;
  /** The mode that it works in, and what lacks. */
  about(): string;
}

/**
 * Serves the addresses of Services, and host ports of pods. The node must take the addresses of the service range as its
 * own. A port without backends does not listen: connections are refused.
 */
export function createServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { informers, log, recorder, nodeAddresses = ["0.0.0.0"], mode = "userspace", allows = () => true } = options;
  const ready = deferred();
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  const pods = informers.informer(Pods);
  slices.addIndex("service", ({ metadata }) => {
    const name = metadata.labels?.[serviceLabel];
    return name ? [`${metadata.namespace}/${name}`] : [];
  });
  const tell = (object: KubeObject, text: string) => {
    log.warn(text, { kind: object.kind, object: keyOf(refOf(object)) });
    recorder?.warning(object, "NotServed", text);
  };
  const serving = new Serving({
    mode,
    ...(options.kernel ? { kernel: options.kernel } : {}),
    monitor: options.monitor,
    allows,
    problem: tell,
    log,
  });
  const health = createHealthPorts(nodeAddresses, log);
  const told = new Map<string, string>();

  const syncService = (key: string, service: Service, present: boolean) => {
    const own = slices.byIndex("service", key);
    const problem = (text: string) => {
      // Told once, not with each change of its endpoints.
      if (told.get(key) !== text) tell(service, text);
      told.set(key, text);
    };
    if (!present) told.delete(key);
    serving.settle(`Service ${key}`, service, present ? planService(service, own, { nodeAddresses }, problem) : []);
    const { healthCheckNodePort } = service.spec;
    const local = healthCheckNodePort ? portsOf(service).flatMap((port) => backendsOf(service, own, port, true)) : [];
    const addresses = new Set(local.map(({ address }) => address));
    health.set(key, present ? healthCheckNodePort : undefined, addresses.size);
  };
  const syncPod = (pod: Pod, present: boolean) => {
    const owner = `Pod ${keyOf(refOf(pod))}`;
    const plans = present ? planPod(pod, { nodeAddresses }) : [];
    if (plans.length > 0 || serving.has(owner)) serving.settle(owner, pod, plans);
  };

  return {
    ready: ready.promise,
    about: () => serving.about(),
    async start(signal) {
      await Promise.all([services.synced(), slices.synced(), pods.synced()]);
      serving.begin();
      const stops = [
        services.onChange(({ type, object }) => syncService(keyOf(refOf(object)), object, type !== "DELETED")),
        slices.onChange(({ object }) => {
          const name = object.metadata.labels?.[serviceLabel];
          const ref = { namespace: object.metadata.namespace ?? "", name: name ?? "" };
          const service = name ? services.get(ref) : undefined;
          if (service) syncService(keyOf(ref), service, true);
        }),
        pods.onChange(({ type, object }) => syncPod(object, type !== "DELETED")),
      ];
      await serving.settled();
      ready.resolve();
      await aborted(signal);
      for (const stop of stops) stop();
      await Promise.all([serving.close(), health.close()]);
    },
  };
}
