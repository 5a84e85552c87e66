import { ClusterServingRuntimes } from "@capstan/api/kinds/serving";
import { createIfAbsent } from "@capstan/core/client";
import type { Controller } from "@capstan/core/reconcile";
import { createModelStatus } from "./model/model-status.ts";
import { createModelRegistry } from "./model/registry.ts";
import type { ServingOptions } from "./options.ts";
import { builtinRuntime } from "./service/runtime.ts";
import { createServiceController } from "./service/service.ts";

/** The kinds of capstan.dev, serving.kserve.io, argoproj.io and gateway.networking.k8s.io must have been defined. */
export function createServingOperator(options: ServingOptions): Controller[] {
  const services = createServiceController(options);
  return [createModelRegistry(options), createModelStatus(options), withRuntime(services, options)];
}

/** Makes the built-in runtime before the first service is looked at; one that was edited stays as it is. */
function withRuntime(controller: Controller, { client }: ServingOptions): Controller {
  return {
    ...controller,
    async start(signal) {
      await createIfAbsent(client, ClusterServingRuntimes, builtinRuntime);
      await controller.start(signal);
    },
  };
}
