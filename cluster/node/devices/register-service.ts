// Where plugins announce themselves. Contract: the service Registration of k8s.io/kubelet deviceplugin/v1beta1.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { type Descriptor, type MethodCodec, readCodecs } from "@capstan/core/wire/grpc";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { RegisterRequest } from "./generated/device-plugin.ts";
import type { DeviceManager } from "./manager.ts";
import { connectPlugin } from "./remote-plugin.ts";

export interface RegisterServiceOptions {
  manager: DeviceManager;
  /** Where the plugins' sockets are. */
  directory: string;
  log: Logger;
  signal: AbortSignal;
}

const version = "v1beta1";
/** Plugins that may be registered at once. */
const pluginLimit = 100;
/** `vendor-domain/resource`, outside kubernetes.io. Source: IsExtendedResourceName. */
const extendedResource =
  /^(?!(?:[^/]*\.)?kubernetes\.io\/)[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;

/** Serves connections that are handed to it. */
export interface RegisterService {
  serve(connection: Socket): void;
  /** Resolves when no plugin is listened to any more. */
  close(): Promise<void>;
}

export function createRegisterService(options: RegisterServiceOptions): RegisterService {
  const { log } = options;
  const descriptor = readFileSync(new URL("generated/device-plugin.json", import.meta.url), "utf8");
  const codecs = readCodecs(JSON.parse(descriptor) as Descriptor);
  const server = new Server();
  const running = new Map<string, Promise<void>>();
  const register = async (request: RegisterRequest) => {
    const problem = problemOf(request);
    if (problem) throw new Error(problem);
    const { resourceName: resource = "", endpoint = "" } = request;
    if (running.size >= pluginLimit && !running.has(resource)) {
      throw new Error(`more plugins than pluginLimit (${pluginLimit})`);
    }
    const run = watchPlugin(options, resource, endpoint, codecs)
      .catch((error: unknown) => log.warn("a device plugin could not be reached", { resource, endpoint, error }))
      .finally(() => running.get(resource) === run && running.delete(resource));
    running.set(resource, run);
  };
  const { path, request, response } = codecs.get("v1beta1.Registration/Register") as MethodCodec;
  const definition = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: request.encode,
    requestDeserialize: request.decode,
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  };
  const handler = (call: ServerUnaryCall<RegisterRequest, object>, answer: sendUnaryData<object>) => {
    register(call.request).then(
      () => answer(null, {}),
      (error: unknown) => answer({ code: status.INVALID_ARGUMENT, details: messageOf(error) }),
    );
  };
  server.addService({ Register: definition }, { Register: handler });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    serve: (connection) => injector.injectConnection(connection),
    async close() {
      injector.destroy();
      server.forceShutdown();
      await Promise.all(running.values());
    },
  };
}

async function watchPlugin(
  { manager, directory, log, signal }: RegisterServiceOptions,
  resource: string,
  endpoint: string,
  codecs: ReadonlyMap<string, MethodCodec>,
): Promise<void> {
  using plugin = await connectPlugin({ resource, socket: join(directory, endpoint), codecs });
  log.info("a device plugin is registered", { resource, endpoint });
  await manager.register(plugin, signal);
}

function problemOf({ version: asked = "", resourceName = "", endpoint = "" }: RegisterRequest): string | undefined {
  if (asked !== version) {
    return `requested API version "${asked}" is not supported by kubelet. Supported version is "${version}"`;
  }
  if (!extendedResource.test(resourceName)) return `the ResourceName "${resourceName}" is invalid`;
  if (!/^[^/\0]+$/.test(endpoint) || endpoint === "." || endpoint === "..") {
    return `the Endpoint "${endpoint}" is invalid: it must be the name of a socket beside the kubelet's`;
  }
  return undefined;
}
