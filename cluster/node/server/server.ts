// The agent's own API, as the kubelet's: for clients whose certificate the cluster's authority signed.
import { StatusError } from "@capstan/api/meta";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import type { ImageService, RuntimeService } from "@capstan/core/runtime";
import type { Upgrade } from "@capstan/core/wire";
import type { PodManager } from "../pod-manager.ts";
import type { ContainerView } from "../pods/views.ts";
import type { PodWorker } from "../pods/worker.ts";
import type { ProbeCounts } from "../probes/counts.ts";
import { containerLogs } from "./logs.ts";
import { metrics } from "./metrics.ts";
import type { PodDisk } from "./readings.ts";
import { statsSummary } from "./stats.ts";
import { serveCommand, servePortForward } from "./streams.ts";

export interface NodeServerOptions {
  runtime: RuntimeService;
  images: ImageService;
  manager: PodManager;
  nodeName: string;
  probes: ProbeCounts;
  disk: PodDisk;
  /** Where the node keeps pods' files. */
  dataDir: string;
  /** The settings that /configz shows: a KubeletConfiguration. */
  config: Record<string, unknown>;
  log: Logger;
}

export interface NodeServer {
  handler: Handler;
  upgrade: Upgrade;
}

export function createNodeServer(options: NodeServerOptions): NodeServer {
  return {
    handler: async (request) => {
      const url = authorized(request);
      const [, what = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
      if (what === "healthz" && ["", "ping", "syncloop"].includes(rest.join("/"))) return text(200, "ok");
      if (what === "pods" && rest.length === 0) return json(podList(options.manager.workers()));
      if (what === "runningpods") {
        return json(podList(options.manager.workers().filter(({ sandbox }) => sandbox?.state === "ready")));
      }
      if (what === "imagepulls") return json({ pulls: options.images.pulls?.() ?? [] });
      if (what === "configz") return json({ kubeletconfig: options.config });
      if (what === "metrics") {
        const found = await metrics(rest.join("/"), options);
        if (found !== undefined) return text(200, found, "text/plain; version=0.0.4; charset=utf-8");
      }
      if (what === "stats" && rest[0] === "summary") return json(await statsSummary(options));
      if (what === "containerLogs") return await logs(options, request, url, rest);
      if (["exec", "attach", "portForward"].includes(what)) {
        throw new StatusError("BadRequest", `${what} needs an Upgrade to WebSocket or SPDY/3.1`);
      }
      throw new StatusError("NotFound", `this node serves no ${url.pathname}`);
    },
    upgrade: async (request, socket, head) => {
      const url = authorized(request);
      const [, what = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
      const connection = { request, socket, head, url };
      if (what === "portForward") {
        return await servePortForward(options, podOf(options.manager, rest), connection);
      }
      if (what !== "exec" && what !== "attach")
        throw new StatusError("NotFound", `this node serves no ${url.pathname}`);
      const { view } = await containerOf(options.manager, rest);
      const [run] = view.runs;
      if (run?.state !== "running") throw new StatusError("BadRequest", `container ${view.spec.name} is not running`);
      await serveCommand(options, what, run.id, view.spec.tty ?? false, connection);
    },
  };
}

/** The agent does whatever it is asked, so only the API server and administrators may ask: users' certificates are of the same authority. */
function authorized({ peer, url }: HttpRequest): URL {
  if (!peer?.certificate) throw new StatusError("Unauthorized", "this node needs a client certificate of the cluster");
  if (!peer.certificate.organizations.includes("system:masters")) {
    throw new StatusError("Forbidden", "this node answers the API server: ask there");
  }
  return new URL(url, "https://node");
}

async function logs(options: NodeServerOptions, request: HttpRequest, url: URL, path: string[]): Promise<HttpResponse> {
  const { worker, view } = await containerOf(options.manager, path);
  const body = await containerLogs({ options, view, worker, query: url.searchParams, signal: request.signal });
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

function podOf(manager: PodManager, [namespace = "", name = "", uid]: string[]): PodWorker {
  const worker = manager.find(namespace, name);
  if (!worker || (uid && /^[0-9a-f-]{36}$/.test(uid) && worker.pod.metadata.uid !== uid)) {
    throw new StatusError("NotFound", `pod ${name}_${namespace} does not exist on this node`);
  }
  return worker;
}

/** Path: namespace, pod, perhaps its UID, container. */
async function containerOf(manager: PodManager, path: string[]): Promise<{ worker: PodWorker; view: ContainerView }> {
  const worker = podOf(manager, path);
  const container = path.at(-1);
  const view = (await worker.views()).find(({ spec }) => spec.name === container);
  if (!view) throw new StatusError("NotFound", `container ${container} not found in pod ${path[1]}_${path[0]}`);
  return { worker, view };
}

const podList = (workers: PodWorker[]) => ({
  kind: "PodList",
  apiVersion: "v1",
  metadata: {},
  items: workers.map(({ pod }) => pod),
});

const text = (status: number, body: string, type = "text/plain; charset=utf-8"): HttpResponse => {
  return { status, headers: { "content-type": type }, body };
};

const json = (body: unknown): HttpResponse => {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
};
