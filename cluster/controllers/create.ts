import type { Controller } from "@capstan/core/reconcile";
import type { ControllerContext } from "./context.ts";
import { createDeploymentController } from "./deployment/index.ts";
import { createReplicaSetController } from "./replicaset/index.ts";

export interface ControllersOptions extends ControllerContext {
  /** PEM of the authority that signs the API server's certificate: published to every namespace. */
  rootCa: string;
}

/** All controllers of the cluster. */
export function createControllers(options: ControllersOptions): Controller[] {
  return [createReplicaSetController(options), createDeploymentController(options)];
}
