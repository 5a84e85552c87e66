import type { Pod, Service } from "@capstan/api/generated/core-v1";
import { EndpointSlices, Pods, Services } from "@capstan/api/generated/resources";
import { type KubeObject, keyOf, refOf } from "@capstan/api/meta";
import { aborted, deferred } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Informers, Recorder } from "@capstan/core/reconcile";
import { backendsOf, portsOf, serviceLabel } from "./backends.ts";
import { createHealthPorts } from "./health.ts";
import { createKernel } from "./kernel/kernel.ts";
import { isForKernel, isForListener, type KernelNetwork, type KernelPart } from "./kernel/rules.ts";
import { createListeners } from "./listeners.ts";
import { type Plan, planPod, planService } from "./plan.ts";
import type { Connection } from "./policy/decide.ts";

export type ProxyMode = "userspace" | "nftables";

export interface ServiceProxyOptions {
  informers: Informers;
  /** Default: user space. */
  mode?: ProxyMode;
  /** Where node ports, host ports and health checks are reached; default all addresses of the node. */
  nodeAddresses?: string[];
  /** Needed for mode nftables; in user space it makes addresses reachable that are not the node's own. */
  kernel?: KernelNetwork & { table: string };
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
  const { informers, log, recorder, nodeAddresses = ["0.0.0.0"] } = options;
  const ready = deferred();
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  const pods = informers.informer(Pods);
  slices.addIndex("service", ({ metadata }) => {
    const name = metadata.labels?.[serviceLabel];
    return name ? [`${metadata.namespace}/${name}`] : [];
  });
  /** By `kind namespace/name`. */
  const owners = new Map<string, { object: KubeObject; plans: Plan[] }>();
  const ownerOf = new Map<string, string>();
  const problem = (object: KubeObject, text: string) => {
    log.warn(text, { kind: object.kind, object: keyOf(refOf(object)) });
    recorder?.warning(object, "NotServed", text);
  };
  const listeners = createListeners({
    allows: options.allows ?? (() => true),
    problem(plan, text) {
      const owner = owners.get(ownerOf.get(plan.id) ?? "");
      if (owner) problem(owner.object, text);
    },
  });
  const health = createHealthPorts(nodeAddresses, log);
  let mode: ProxyMode = "userspace";
  let packets = false;
  let trouble: string | undefined;
  const kernel = options.kernel
    ? createKernel({
        network: options.kernel,
        parts: () => [...owners.values()].flatMap(({ plans }) => plans.flatMap((plan) => split(plan).kernel)),
        failed(why) {
          trouble = why;
          log.error("services are served in user space from now on", { error: why });
          mode = "userspace";
          packets = false;
          for (const { plans } of owners.values()) serve(plans);
        },
        log,
      })
    : undefined;

  const split = (plan: Plan) => divide(plan, mode === "nftables", packets);
  const serve = (plans: Plan[]) => {
    for (const plan of plans) {
      const { listening } = split(plan);
      if (listening.length > 0) listeners.serve(plan, listening);
      else listeners.forget(plan.id);
    }
  };
  const settle = (key: string, object: KubeObject, plans: Plan[]) => {
    const kept = new Set(plans.map(({ id }) => id));
    for (const { id } of owners.get(key)?.plans ?? []) {
      if (kept.has(id)) continue;
      ownerOf.delete(id);
      listeners.forget(id);
    }
    if (plans.length > 0) owners.set(key, { object, plans });
    else owners.delete(key);
    for (const { id } of plans) ownerOf.set(id, key);
    serve(plans);
    if (packets) void kernel?.update();
  };

  const syncService = (key: string, service: Service, present: boolean) => {
    const own = slices.byIndex("service", key);
    const told = (text: string) => problem(service, text);
    settle(`Service ${key}`, service, present ? planService(service, own, { nodeAddresses }, told) : []);
    const { healthCheckNodePort } = service.spec;
    const local =
      present && healthCheckNodePort ? portsOf(service).flatMap((port) => backendsOf(service, own, port, true)) : [];
    health.set(key, present ? healthCheckNodePort : undefined, new Set(local.map(({ address }) => address)).size);
  };
  const syncPod = (pod: Pod, present: boolean) => {
    const key = `Pod ${keyOf(refOf(pod))}`;
    const plans = present ? planPod(pod, { nodeAddresses }) : [];
    if (plans.length > 0 || owners.has(key)) settle(key, pod, plans);
  };

  return {
    ready: ready.promise,
    about: () => [`mode ${mode}`, trouble, kernel?.missing()].filter(Boolean).join("; "),
    async start(signal) {
      await Promise.all([services.synced(), slices.synced(), pods.synced()]);
      try {
        await kernel?.open();
        packets = kernel !== undefined;
        if (packets) mode = options.mode ?? "userspace";
      } catch (error) {
        trouble = messageOf(error);
        log.warn("the kernel does no part of serving services", { error });
      }
      const stops = [
        services.onChange(({ type, object }) => syncService(keyOf(refOf(object)), object, type !== "DELETED")),
        slices.onChange(({ object }) => {
          const name = object.metadata.labels?.[serviceLabel];
          if (!name) return;
          const ref = { namespace: object.metadata.namespace ?? "", name };
          const service = services.get(ref);
          if (service) syncService(keyOf(ref), service, true);
        }),
        pods.onChange(({ type, object }) => syncPod(object, type !== "DELETED")),
      ];
      await Promise.all([listeners.settled(), packets ? kernel?.update() : undefined]);
      ready.resolve();
      await aborted(signal);
      for (const stop of stops) stop();
      await Promise.all([listeners.close(), kernel?.close(), health.close()]);
    },
  };
}

/** Which frontends of a plan are listened at, and what the kernel does for it. */
function divide(
  plan: Plan,
  inKernel: boolean,
  packets: boolean,
): { listening: Plan["frontends"]; kernel: KernelPart[] } {
  const { frontends, settings } = plan;
  if (settings.backends.length === 0) return { listening: frontends, kernel: [] };
  if (inKernel && isForKernel(plan)) {
    const rest = frontends.filter((one) => !isForListener(one));
    return { listening: frontends.filter(isForListener), kernel: rest.length > 0 ? [{ plan, frontends: rest }] : [] };
  }
  if (!packets) return { listening: frontends, kernel: [] };
  // Addresses that are not the node's own: packets to them are led to a listener that there is anyway.
  const external = frontends.filter(({ kind }) => kind === "external");
  const listening = frontends.filter(({ kind }) => kind !== "external");
  const listener = listening.find((one) => !isForListener(one));
  if (external.length === 0 || !listener) return { listening: frontends, kernel: [] };
  return { listening, kernel: [{ plan, frontends: external, listener }] };
}
