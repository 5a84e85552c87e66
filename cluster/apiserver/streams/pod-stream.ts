import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { invalid, notFound, StatusError } from "@capstan/api/meta";
import type { HttpResponse } from "@capstan/base/http";
import type { Endpoint, EndpointCall, View } from "../request.ts";
import type { Kubelets } from "./kubelet.ts";

/** Logs, exec, attach and port-forward of pods: each goes on to the agent of the pod's node. */
export function createPodStreams(view: View, kubelets: Kubelets): Endpoint[] {
  const endpoint = (
    subresource: string,
    connect: (call: EndpointCall, pod: Pod) => Promise<HttpResponse>,
  ): Endpoint => ({
    group: "",
    version: "v1",
    resource: "pods",
    subresource,
    connect: (call) => connect(call, podOf(view, call)),
  });
  return [
    endpoint("log", (call, pod) => readLog(kubelets, call, pod)),
    endpoint("exec", (call, pod) => runStream(kubelets, "exec", call, pod)),
    endpoint("attach", (call, pod) => runStream(kubelets, "attach", call, pod)),
    endpoint("portforward", (call, pod) => forwardPorts(kubelets, call, pod)),
  ];
}

function podOf(view: View, { info: { namespace, name } }: EndpointCall): Pod {
  const pod = view.get(Pods, { namespace, name });
  if (!pod) throw notFound(Pods, name);
  return pod;
}

/** The container that was asked for, or the only one. Source: kubernetes/pkg/registry/core/pod/strategy.go. */
function containerOf({ metadata, spec }: Pod, asked: string): string {
  const names = (list: { name: string }[] | undefined) => (list ?? []).map(({ name }) => name);
  const [main, init, ephemeral] = [names(spec.containers), names(spec.initContainers), names(spec.ephemeralContainers)];
  if (asked !== "") {
    if ([...main, ...init, ...ephemeral].includes(asked)) return asked;
    throw new StatusError("BadRequest", `container ${asked} is not valid for pod ${metadata.name}`);
  }
  const [only] = main;
  if (main.length === 1 && only) return only;
  const others = init.length > 0 ? ` or one of the init containers: [${init.join(" ")}]` : "";
  const text = `a container name must be specified for pod ${metadata.name}, choose one of: [${main.join(" ")}]${others}`;
  throw new StatusError("BadRequest", text);
}

function nodeOf({ metadata, spec }: Pod): string {
  if (spec.nodeName) return spec.nodeName;
  throw new StatusError("BadRequest", `pod ${metadata.name} does not have a host assigned`);
}

const path = (verb: string, { metadata }: Pod, container?: string) => {
  const parts = [verb, metadata.namespace ?? "", metadata.name, ...(container === undefined ? [] : [container])];
  return `/${parts.map(encodeURIComponent).join("/")}`;
};

const logOptions = [
  "follow",
  "previous",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "tailLines",
  "limitBytes",
  "stream",
];

async function readLog(kubelets: Kubelets, { info, request }: EndpointCall, pod: Pod): Promise<HttpResponse> {
  const container = containerOf(pod, info.query.get("container") ?? "");
  checkLogOptions(pod, info.query);
  // A pod that waits for its node has said nothing yet.
  if (!pod.spec.nodeName) return { status: 200, headers: { "content-type": "text/plain" }, body: "" };
  const query = new URLSearchParams();
  for (const name of logOptions) {
    const value = info.query.get(name);
    if (value) query.set(name, value);
  }
  return kubelets.forward(nodeOf(pod), `${path("containerLogs", pod, container)}?${query}`, request);
}

function checkLogOptions({ metadata }: Pod, query: URLSearchParams): void {
  const causes = (["sinceSeconds", "tailLines", "limitBytes"] as const).flatMap((field) => {
    const value = query.get(field);
    const least = field === "tailLines" ? 0 : 1;
    if (!value || (/^-?\d+$/.test(value) && Number(value) >= least)) return [];
    const message = `Invalid value: ${value}: must be an integer greater than or equal to ${least}`;
    return [{ field, message, reason: "FieldValueInvalid" }];
  });
  if (query.get("sinceSeconds") && query.get("sinceTime")) {
    const message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
    causes.push({ field: "sinceSeconds", message, reason: "FieldValueForbidden" });
  }
  if (causes.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, metadata.name, causes);
}

function requireUpgrade({ request }: EndpointCall): void {
  if (!request.headers.upgrade) throw new StatusError("BadRequest", "Upgrade request required");
}

// The agent's names for the streams. Source: kubelet's remotecommand options.
const streams = [
  ["stdin", "input"],
  ["stdout", "output"],
  ["stderr", "error"],
  ["tty", "tty"],
] as const;
const truthy = (value: string | null) => value === "true" || value === "1";

async function runStream(
  kubelets: Kubelets,
  verb: "exec" | "attach",
  call: EndpointCall,
  pod: Pod,
): Promise<HttpResponse> {
  const { info } = call;
  const container = containerOf(pod, info.query.get("container") ?? "");
  const query = new URLSearchParams();
  for (const [name, agentName] of streams) if (truthy(info.query.get(name))) query.set(agentName, "1");
  if (!["input", "output", "error"].some((name) => query.has(name))) {
    throw new StatusError("BadRequest", "you must specify at least 1 of stdin, stdout, stderr");
  }
  const command = info.query.getAll("command");
  if (verb === "exec" && command.length === 0)
    throw new StatusError("BadRequest", "you must specify at least one command for the container");
  for (const word of command) query.append("command", word);
  requireUpgrade(call);
  return kubelets.forward(nodeOf(pod), `${path(verb, pod, container)}?${query}`, call.request);
}

async function forwardPorts(kubelets: Kubelets, call: EndpointCall, pod: Pod): Promise<HttpResponse> {
  requireUpgrade(call);
  const query = new URLSearchParams();
  for (const value of call.info.query.getAll("ports")) query.append("port", value);
  const ports = query.size > 0 ? `?${query}` : "";
  return kubelets.forward(nodeOf(pod), path("portForward", pod) + ports, call.request);
}
