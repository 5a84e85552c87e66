import type { Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices, Services } from "@capstan/api/generated/resources";
import { keyOf, refOf } from "@capstan/api/meta";
import { aborted, deferred } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Informer, Informers } from "@capstan/core/reconcile";
import {
  backendsOf,
  portsOf,
  type ServicePort,
  schedulerAnnotation,
  serviceLabel,
  virtualAddress,
} from "./backends.ts";
import { Balancer, type BalancerSettings } from "./balancer.ts";
import { isSchedulerName, schedulerNames } from "./schedulers.ts";
import { type Listener, listenTcp } from "./tcp.ts";
import { listenUdp } from "./udp.ts";

export interface ServiceProxyOptions {
  informers: Informers;
  /** Where node ports listen; default all addresses of the node. */
  nodePortAddress?: string;
  log: Logger;
}

export interface ServiceProxy {
  /** Resolves when the services that were there are served. */
  ready: Promise<void>;
  start(signal: AbortSignal): Promise<void>;
}

interface Served {
  balancer: Balancer;
  /** By `host:port`; what is being opened or closed is waited for by the next change. */
  listeners: Map<string, Listener>;
  queue: Promise<void>;
}

// The API's default for sessionAffinityConfig.clientIP.timeoutSeconds.
const affinitySeconds = 10_800;

/**
 * Serves the virtual addresses and node ports of Services in user space. The node must take the addresses of the
 * service range as its own. A port without backends does not listen: connections are refused.
 */
export function createServiceProxy({ informers, nodePortAddress = "0.0.0.0", log }: ServiceProxyOptions): ServiceProxy {
  const ready = deferred();
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  const served = new Map<string, Served>();
  slices.addIndex("service", ({ metadata }) => {
    const name = metadata.labels?.[serviceLabel];
    return name ? [`${metadata.namespace}/${name}`] : [];
  });

  const sync = (key: string, service: Service | undefined) => {
    const wanted = service ? planOf(service, slices, key, nodePortAddress, log) : new Map<string, Plan>();
    for (const [id, one] of served) {
      if (!id.startsWith(`${key} `) || wanted.has(id)) continue;
      served.delete(id);
      change(one, []);
    }
    for (const [id, { port, settings, hosts }] of wanted) {
      let one = served.get(id);
      if (one) one.balancer.update(settings);
      else {
        one = { balancer: new Balancer(port, settings), listeners: new Map(), queue: Promise.resolve() };
        served.set(id, one);
      }
      change(one, one.balancer.empty ? [] : hosts);
    }
  };

  /** Opens and closes listeners, one change after another. */
  const change = (one: Served, hosts: { host: string; port: number }[]) => {
    const keys = new Map(hosts.map((host) => [`${host.host}:${host.port}`, host]));
    one.queue = one.queue.then(async () => {
      for (const [key, listener] of one.listeners) {
        if (keys.has(key)) continue;
        one.listeners.delete(key);
        await listener.close();
      }
      for (const [key, { host, port }] of keys) {
        if (one.listeners.has(key)) continue;
        const listen = one.balancer.port.protocol === "TCP" ? listenTcp : listenUdp;
        try {
          one.listeners.set(key, await listen(host, port, one.balancer));
        } catch (error) {
          log.warn("a service's address cannot be served", { address: key, error: messageOf(error) });
        }
      }
    });
  };

  return {
    ready: ready.promise,
    async start(signal) {
      const stops = [
        services.onChange(({ type, object }) => sync(keyOf(refOf(object)), type === "DELETED" ? undefined : object)),
        slices.onChange(({ object }) => {
          const name = object.metadata.labels?.[serviceLabel];
          if (!name) return;
          const ref = { namespace: object.metadata.namespace ?? "", name };
          const service = services.get(ref);
          if (service) sync(keyOf(ref), service);
        }),
      ];
      await Promise.all([services.synced(), slices.synced()]);
      await Promise.all([...served.values()].map(({ queue }) => queue));
      ready.resolve();
      await aborted(signal);
      for (const stop of stops) stop();
      for (const one of served.values()) change(one, []);
      await Promise.all([...served.values()].map(({ queue }) => queue));
    },
  };
}

interface Plan {
  port: ServicePort;
  settings: BalancerSettings;
  hosts: { host: string; port: number }[];
}

/** What a service needs, by `namespace/name protocol port`. */
function planOf(
  service: Service,
  slices: Informer<EndpointSlice>,
  key: string,
  nodePortAddress: string,
  log: Logger,
): Map<string, Plan> {
  const address = virtualAddress(service);
  const plans = new Map<string, Plan>();
  if (!address) return plans;
  const asked = service.metadata.annotations?.[schedulerAnnotation];
  if (asked !== undefined && !isSchedulerName(asked)) {
    log.warn("unknown scheduler, taking rr", { service: key, scheduler: asked, known: schedulerNames.join(", ") });
  }
  const { sessionAffinity, sessionAffinityConfig } = service.spec ?? {};
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySeconds;
  for (const port of portsOf(service)) {
    const settings: BalancerSettings = {
      backends: backendsOf(service, slices.byIndex("service", key), port),
      scheduler: isSchedulerName(asked) ? asked : "rr",
      affinity: sessionAffinity === "ClientIP" ? seconds * 1000 : undefined,
    };
    const hosts = [{ host: address, port: port.port }];
    if (port.nodePort) hosts.push({ host: nodePortAddress, port: port.nodePort });
    plans.set(`${key} ${port.protocol} ${port.port}`, { port, settings, hosts });
  }
  return plans;
}
