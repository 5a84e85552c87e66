import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import {
  type KubeObject,
  notFound,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
  StatusError,
  selectsObject,
} from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import type { Kind } from "../kind.ts";
import { checkSelector } from "../object-meta.ts";
import { encodeObject } from "../objects.ts";
import { pathNotFound } from "../registry.ts";
import type { Endpoint, EndpointCall, View } from "../request.ts";
import { answerObject, answerObjects } from "../respond.ts";
import { type NodeMetrics, nodeMetrics, nodeMetricsOf, type PodMetrics, podMetrics, podMetricsOf } from "./kinds.ts";
import type { Meter, NodeUsage } from "./meter.ts";

interface Room {
  view: View;
  meter: Meter;
  log: Logger;
}

/** GET of one and of many, of nodes and of pods. */
export function metricsEndpoints(room: Room): Endpoint[] {
  return [
    endpoint(nodeMetrics, {
      one: ({ info, request }) => readNode(room, info.name, request.signal),
      many: ({ info, request }) => listNodes(room, selectorOf(nodeMetrics, info), request.signal),
    }),
    endpoint(podMetrics, {
      one: ({ info, request }) => readPod(room, info, request.signal),
      many: ({ info, request }) => listPods(room, info.namespace, selectorOf(podMetrics, info), request.signal),
    }),
  ];
}

interface Answers {
  one(call: EndpointCall): Promise<KubeObject>;
  many(call: EndpointCall): Promise<KubeObject[]>;
}

function endpoint(kind: Kind, { one, many }: Answers): Endpoint {
  const { group, version, resource } = kind;
  const connect = async (given: EndpointCall): Promise<HttpResponse> => {
    const { info } = given;
    const call = { ...given, kind, warnings: [] };
    if (info.rest !== "" || (info.namespace !== "" && !kind.namespaced)) throw pathNotFound();
    if (info.verb === "list") {
      const header = { kind: kind.listKind, apiVersion: `${group}/${version}`, metadata: { resourceVersion: "" } };
      return answerObjects(call, header, await many(given));
    }
    if (info.verb !== "get") {
      throw new StatusError("MethodNotAllowed", "the server does not allow this method on the requested resource");
    }
    if (info.namespace === "" && kind.namespaced) throw pathNotFound();
    const object = await one(given);
    return answerObject(call, { object, bytes: encodeObject(object) });
  };
  return { group, version, resource, subresource: "", connect };
}

function selectorOf(kind: Kind, { query }: EndpointCall["info"]): Selector {
  const selector = {
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
    fields: parseFieldSelector(query.get("fieldSelector") ?? ""),
  };
  checkSelector(kind, selector);
  return selector;
}

function selects<T extends KubeObject>(selector: Selector): (object: T) => boolean {
  return ({ metadata }) =>
    selectsObject(selector, metadata.labels, (field) =>
      field === "metadata.name" ? metadata.name : (metadata.namespace ?? ""),
    );
}

async function readNode({ view, meter }: Room, name: string, signal: AbortSignal): Promise<NodeMetrics> {
  const node = view.get(Nodes, { name });
  const usage = node && (await meter.measure(name, signal)).node;
  if (!node || !usage) throw notFound({ group: nodeMetrics.group, resource: "nodemetrics" }, name);
  return nodeMetricsOf(node, usage);
}

async function listNodes(room: Room, selector: Selector, signal: AbortSignal): Promise<NodeMetrics[]> {
  const nodes = room.view.list<Node>(Nodes).filter(selects(selector));
  const usages = await measureAll(room, new Set(nodes.map(({ metadata }) => metadata.name)), signal);
  return nodes.flatMap((node) => {
    const usage = usages.get(node.metadata.name)?.node;
    return usage ? [nodeMetricsOf(node, usage)] : [];
  });
}

async function readPod({ view, meter }: Room, { namespace, name }: EndpointCall["info"], signal: AbortSignal) {
  const pod = view.get(Pods, { namespace, name });
  const node = pod?.spec.nodeName;
  const metrics = pod && node && metricsOf(pod, await meter.measure(node, signal));
  if (!metrics) throw notFound({ group: podMetrics.group, resource: "podmetrics" }, `${namespace}/${name}`);
  return metrics;
}

async function listPods(room: Room, namespace: string, selector: Selector, signal: AbortSignal): Promise<PodMetrics[]> {
  const pods = room.view.list<Pod>(Pods, namespace || undefined).filter(selects(selector));
  const running = pods.filter(({ status }) => status?.phase === "Running");
  const usages = await measureAll(room, new Set(running.flatMap(({ spec }) => spec.nodeName ?? [])), signal);
  return running.flatMap((pod) => {
    const usage = usages.get(pod.spec.nodeName ?? "");
    return (usage && metricsOf(pod, usage)) ?? [];
  });
}

function metricsOf(pod: Pod, { pods }: NodeUsage): PodMetrics | undefined {
  const containers = pods.get(`${pod.metadata.namespace}/${pod.metadata.name}`);
  return containers && containers.size > 0 ? podMetricsOf(pod, containers) : undefined;
}

/** A node that does not answer is left out. */
async function measureAll({ meter, log }: Room, nodes: Set<string>, signal: AbortSignal) {
  const usages = new Map<string, NodeUsage>();
  const measure = async (node: string) => {
    try {
      usages.set(node, await meter.measure(node, signal));
    } catch (error) {
      signal.throwIfAborted();
      log.warn("a node's use of resources is unknown", { node, error: messageOf(error) });
    }
  };
  await Promise.all([...nodes].map(measure));
  return usages;
}
