import { Services } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import type { Store } from "@capstan/core/store";
import { createAggregation, type FrontProxy } from "./aggregation/index.ts";
import { markBroken } from "./audit/annotations.ts";
import { bootstrap } from "./bootstrap.ts";
import { builtinKinds } from "./builtin-kinds.ts";
import { createDefinitions } from "./custom/definitions.ts";
import { builtinRules } from "./kinds/index.ts";
import { createObjects } from "./objects.ts";
import { readdress } from "./readdress.ts";
import { Registry } from "./registry.ts";
import type { ExtensionFactory, View } from "./request.ts";
import { requestInfoOf } from "./request-info.ts";
import { createResourceHandler } from "./resource-handler.ts";
import { answerError } from "./respond.ts";
import { createRoutes } from "./routes.ts";
import { createServiceAddresses } from "./service-addresses.ts";
import type { Core } from "./verbs/call.ts";
import { createView } from "./view.ts";

export interface ApiServerOptions {
  store: Store;
  log: Logger;
  /** IPv4 range of Services' addresses, such as 10.96.0.0/16; the first address is the API server's own. */
  serviceCidr: string;
  /** Where the API server itself is reached: the endpoint of the Service `default/kubernetes`. */
  advertise?: { address: string; port: number };
  /** How the servers behind APIServices know this one. Without it they are asked as nobody. */
  frontProxy?: FrontProxy;
  /** Authentication, authorization, admission, streams: the first extension's interceptors are the outermost. */
  extensions?: ExtensionFactory[];
}

export interface ApiServer {
  /** Answers any request. Where no extension authenticates, the caller's principal is taken as it is. */
  handler: Handler;
  view: View;
  /** Resolves when the namespaces and the Service of the API server itself exist. */
  ready: Promise<void>;
  /** Resolves when the signal has aborted. */
  start(signal: AbortSignal): Promise<void>;
}

/** The embedded kube-apiserver. It owns nothing: the caller closes the store. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, log } = options;
  const registry = new Registry();
  const objects = createObjects(store);
  const view = createView(registry, objects);
  const addresses = createServiceAddresses(options.serviceCidr);
  const core: Core = {
    registry,
    objects,
    log,
    admission: [],
    isTerminating: (kind) => definitions.isTerminating(kind),
  };
  const definitions = createDefinitions(core, view);
  const aggregation = createAggregation(core, view, options.frontProxy);
  registry.add(...builtinKinds(builtinRules(addresses, definitions, aggregation)));
  definitions.load();
  aggregation.load();
  for (const service of view.list(Services)) addresses.adopt(service);
  const extensions = (options.extensions ?? []).map((create) => create(view));
  registry.add(...extensions.flatMap(({ kinds = [] }) => kinds));
  core.admission.push(...extensions.flatMap(({ admission = [] }) => admission));
  const endpoints = new Map(
    extensions
      .flatMap(({ endpoints: list = [] }) => list)
      .map((e) => [`${e.group}/${e.version}/${e.resource}/${e.subresource}`, e]),
  );
  const resources = createResourceHandler(core, endpoints);
  let isReady = false;
  const routes = createRoutes(registry, { store, isReady: () => isReady });
  const innermost: Handler = async (request) => {
    const info = requestInfoOf(request.method, request.url);
    const remote = aggregation.answer(request, info.path);
    if (remote) return remote;
    return info.isResource ? resources(request, info) : routes(request, info);
  };
  const interceptors = extensions.flatMap(({ interceptors: list = [] }) => list);
  const inner = interceptors.reduceRight((next, intercept) => guard(intercept(next), log), guard(innermost, log));
  const handler: Handler = async (request) => {
    const response = await inner(request);
    response.headers["cache-control"] ??= "no-cache, private";
    return response;
  };
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  // start() rejects with the same error: nobody has to wait for `ready`.
  void Promise.allSettled([ready]);
  return {
    handler,
    view,
    ready,
    async start(signal) {
      try {
        await readdress({ registry, objects, view }, addresses, options.serviceCidr);
        await bootstrap(guard(innermost, log), options);
        await aggregation.register(signal);
        isReady = true;
        resolve();
      } catch (thrown) {
        reject(thrown);
        throw thrown;
      }
      await Promise.all([definitions.start(signal), aggregation.start(signal)]);
    },
  };
}

/** Turns what is thrown into the Status that clients understand. */
function guard(next: Handler, log: Logger): Handler {
  return async (request: HttpRequest): Promise<HttpResponse> => {
    try {
      return await next(request);
    } catch (thrown) {
      if (!(thrown instanceof StatusError)) {
        log.error("request failed", {
          method: request.method,
          path: request.url.split("?")[0],
          error: messageOf(thrown),
        });
      }
      const answer = await answerError(thrown, request);
      return thrown instanceof StatusError ? answer : markBroken(answer, messageOf(thrown));
    }
  };
}
