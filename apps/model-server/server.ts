// Puts the parts together: one model, its workers, and the socket.
import { aborted, deferred } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { serve } from "@capstan/core/wire";
import type { Settings } from "./flags.ts";
import { createFlight } from "./flight.ts";
import { createRouter } from "./rest/router.ts";
import { errorAnswer } from "./rest/text.ts";
import { ServingError } from "./serving/errors.ts";
import { createMetrics } from "./serving/metrics.ts";
import { createModelManager } from "./serving/model-manager.ts";
import { createSessionPool } from "./serving/session-pool.ts";

export interface ModelServer {
  /** Resolves when a version is served; rejects when the model found at the start cannot be. */
  ready: Promise<void>;
  /** Known once listening. */
  listening: Promise<number>;
  /** Serves until the signal aborts, then answers what has begun and returns. */
  start(signal: AbortSignal): Promise<void>;
}

// A caller that never finishes its request must not hold the process: kubelets wait 30 s before they kill.
const drainLimit = 25_000;

export function createModelServer(settings: Settings, { log, version }: { log: Logger; version: string }): ModelServer {
  const crashed = deferred<never>();
  const pool = createSessionPool({
    workers: settings.workers,
    intraOpThreads: settings.intraOpThreads,
    maxQueued: settings.maxQueuedRequests,
    onCrash: crashed.reject,
  });
  const manager = createModelManager({ name: settings.modelName, basePath: settings.modelBasePath, pool, log });
  const metrics = createMetrics();
  const backend = { manager, pool, metrics, timeout: settings.restApiTimeoutMs, serverVersion: version };
  let draining = false;
  const health = { ready: () => !draining && manager.find() !== undefined };
  const flight = createFlight(createRouter({ backend, health, log }));
  const listening = deferred<number>();

  return {
    ready: manager.ready,
    listening: listening.promise,
    async start(signal) {
      const loading = new AbortController();
      await using _ = pool;
      await using server = await serve({
        handler: flight.handler,
        host: settings.restApiHost,
        port: settings.restApiPort,
        maxBodyBytes: settings.maxBodyBytes,
        onError: (error) => errorAnswer(refusal(error)),
        log,
      });
      listening.resolve(server.port);
      log.info("listening", { port: server.port, model: settings.modelName });
      const managing = manager.start(loading.signal);
      try {
        await Promise.race([aborted(signal), crashed.promise]);
        draining = true;
        await flight.idle(AbortSignal.timeout(drainLimit));
      } finally {
        loading.abort();
        await managing;
      }
    },
  };
}

/** What the socket's layer refuses, in this server's words. */
function refusal(error: unknown): ServingError {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === 413) {
    return new ServingError("INVALID_ARGUMENT", `${message}; start the server with a larger --max_body_bytes`, 413);
  }
  return ServingError.from(error);
}
