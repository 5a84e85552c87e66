import type { Controller } from "@capstan/core/reconcile";
import { createRoleAggregation } from "./aggregation/index.ts";
import { createAutoscalerController } from "./autoscaling/index.ts";
import {
  type CertificateSignerOptions,
  createCertificateApprover,
  createCertificateCleaner,
  createCertificateSigner,
} from "./certificates/index.ts";
import type { ControllerContext } from "./context.ts";
import { createCronJobController } from "./cronjob/index.ts";
import { createDaemonSetController } from "./daemonset/index.ts";
import { createDeploymentController } from "./deployment/index.ts";
import { createDisruptionController } from "./disruption/index.ts";
import {
  createEndpointSliceController,
  createEndpointSliceMirror,
  createEndpointsController,
} from "./endpoints/index.ts";
import { createEventExpiry } from "./eventexpiry/index.ts";
import { createGarbageCollector } from "./garbage/index.ts";
import { createJobController, createJobTtlController } from "./job/index.ts";
import { createMetadataStore } from "./metadata/index.ts";
import { createNamespaceController } from "./namespace/index.ts";
import { createNodeLifecycleController, createTaintEviction } from "./node/index.ts";
import { createPodGarbageCollector } from "./podgc/index.ts";
import { createResourceQuotaController } from "./quota/index.ts";
import { createReplicaSetController, createReplicationController } from "./replicaset/index.ts";
import { createRootCaPublisher, createServiceAccountController } from "./serviceaccount/index.ts";
import { createStatefulSetController } from "./statefulset/index.ts";
import { createClaimBinder, createLocalStorage, createVolumeController } from "./storage/index.ts";
import { createClaimProtection, createVolumeProtection } from "./storageprotection/index.ts";

export interface ControllersOptions extends ControllerContext {
  /** PEM of the authority that signs the API server's certificate: published to every namespace. */
  rootCa: string;
  /** Signs approved CertificateSigningRequests; without it they wait for another signer. */
  authority?: CertificateSignerOptions["authority"];
  /** Where claims of the default class get their directories; without it there is no default class. */
  volumesDir?: string;
  /** Milliseconds of silence after which a node counts as lost. Default 50,000: --node-monitor-grace-period. */
  nodeGrace?: number;
}

/** What can be started: a controller, or a part that several controllers share. */
export type ControllerPart = Pick<Controller, "start">;

/** All controllers of the cluster, and the copy of all metadata that some of them share. Start each. */
export function createControllers(options: ControllersOptions): ControllerPart[] {
  const metadata = createMetadataStore(options);
  return [
    metadata,
    createNamespaceController({ ...options, metadata }),
    createServiceAccountController(options),
    createRootCaPublisher(options),
    createReplicaSetController(options),
    createReplicationController(options),
    createDeploymentController(options),
    createEndpointsController(options),
    createEndpointSliceController(options),
    createEndpointSliceMirror(options),
    createStatefulSetController(options),
    createJobController(options),
    createJobTtlController(options),
    createCronJobController(options),
    createDaemonSetController(options),
    createDisruptionController(options),
    createAutoscalerController(options),
    createEventExpiry(options),
    createResourceQuotaController({ ...options, metadata }),
    createNodeLifecycleController({ ...options, grace: options.nodeGrace }),
    createTaintEviction(options),
    createPodGarbageCollector(options),
    createGarbageCollector({ ...options, metadata }),
    createRoleAggregation(options),
    createClaimBinder(options),
    createVolumeController(options),
    ...(options.volumesDir ? [createLocalStorage({ ...options, volumesDir: options.volumesDir })] : []),
    createClaimProtection(options),
    createVolumeProtection(options),
    createCertificateCleaner(options),
    ...(options.authority ? certificateControllers({ ...options, authority: options.authority }) : []),
  ];
}

function certificateControllers(options: CertificateSignerOptions): ControllerPart[] {
  return [createCertificateApprover(options), createCertificateSigner(options)];
}
