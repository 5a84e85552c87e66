// The server's one handler: /v1 TensorFlow Serving, /v2 Open Inference Protocol, and metrics.
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { ServingError } from "../serving/errors.ts";
import type { Backend } from "./backend.ts";
import { type Health, serveInference } from "./inference-protocol.ts";
import { serveTensorFlow } from "./tensorflow.ts";
import { answer, errorAnswer } from "./text.ts";

export interface RouterOptions {
  backend: Backend;
  health: Health;
  log: Logger;
}

// The default of both TensorFlow Serving's monitoring configuration and of most scrapers.
const metricsPaths = new Set(["/monitoring/prometheus/metrics", "/metrics"]);
const action = /:(predict|classify|regress)$|\/infer$/i;

export function createRouter({ backend, health, log }: RouterOptions): Handler {
  return async (request) => {
    const path = request.url.split("?", 1)[0] ?? "/";
    const start = process.hrtime.bigint();
    let status = "OK";
    try {
      return await route(backend, health, request, path);
    } catch (thrown) {
      const error = ServingError.from(thrown);
      status = error.code;
      if (error.code === "INTERNAL") log.error("a request failed", { path, error: thrown });
      return errorAnswer(error);
    } finally {
      if (action.test(path) && status !== "NOT_FOUND") {
        backend.metrics.request(backend.manager.name, status, Number(process.hrtime.bigint() - start) / 1000);
      }
    }
  };
}

async function route(backend: Backend, health: Health, request: HttpRequest, path: string): Promise<HttpResponse> {
  if (path.startsWith("/v2")) return serveInference(backend, health, request, path);
  if (path.startsWith("/v1/")) return serveTensorFlow(backend, request, path);
  if (metricsPaths.has(path) && request.method === "GET") {
    const headers = { "content-type": "text/plain; version=0.0.4" };
    return { status: 200, headers, body: backend.metrics.render() };
  }
  if (path === "/" && request.method === "GET") return answer('{"status": "alive"}');
  throw new ServingError("NOT_FOUND", `no such endpoint: ${request.method} ${path}`);
}
