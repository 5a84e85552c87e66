// The cluster's controllers and the platform's operators, as parts.
import { dirname } from "node:path";
import { defaultGateway } from "@capstan/api/kinds/gateway";
import type { Logger } from "@capstan/base/log";
import { createControllers, createPodGroupControllers } from "@capstan/cluster/controllers";
import { createScheduler } from "@capstan/cluster/scheduler";
import type { RegistryOptions } from "@capstan/core/runtime";
import { createCertificateRenewal } from "@capstan/operators/certificates";
import { createDomainOperator } from "@capstan/operators/domain";
import { createImagePolicyOperator } from "@capstan/operators/images";
import { createServingOperator } from "@capstan/operators/serving";
import { createWorkflowOperator, type WorkflowChecker, type WorkflowMetrics } from "@capstan/operators/workflow";
import { createArtifactLookup } from "./artifact-lookup.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Part, Parts } from "./parts.ts";
import type { RecordsSettings } from "./settings.ts";
import { createExecutorPods } from "./workflow-pods.ts";

/** One part of several that start and stop together. */
function together(name: string, members: { start(signal: AbortSignal): Promise<unknown> }[]): Part {
  return {
    name,
    about: () => `${members.length} ${members.length === 1 ? "loop" : "loops"}`,
    start: async (signal) => {
      await Promise.all(members.map((member) => member.start(signal)));
    },
  };
}

export interface ControllersOptions {
  /** Where claims of the default storage class get their directories. */
  volumesDir: string;
  /** A node that is silent for longer counts as lost. */
  nodeGraceSeconds: number;
}

export function startControllers(plane: ControlPlane, options: ControllersOptions, log: Logger, parts: Parts): void {
  const { client, informers, authority } = plane;
  const { volumesDir, nodeGraceSeconds } = options;
  const controllers = createControllers({
    client,
    informers,
    log,
    rootCa: authority.cert,
    authority,
    volumesDir,
    nodeGrace: nodeGraceSeconds * 1000,
  });
  parts.add(together("controllers", controllers));
  parts.add(together("scheduler", [createScheduler({ client, informers, log })]));
}

export interface OperatorsOptions {
  /** Directory of a namespace's artifacts. */
  artifacts(namespace: string): string;
  gatewayPort: number;
  checkers: WorkflowChecker[];
  archive: RecordsSettings["archive"];
  /** Absent: the nodes do its work in their own processes. */
  executorImage?: string | undefined;
  registries: RegistryOptions;
  metrics: WorkflowMetrics;
}

export function startOperators(plane: ControlPlane, options: OperatorsOptions, log: Logger, parts: Parts): void {
  const { client, informers, authority, records } = plane;
  const { gatewayPort: publicPort, checkers, archive, metrics, executorImage, registries } = options;
  const directory = dirname(options.artifacts("any"));
  const artifactVolume = { hostPath: { path: directory, type: "DirectoryOrCreate" } };
  const pods = executorImage && createExecutorPods({ client, informers, executorImage, artifactVolume, registries });
  const serving = createServingOperator({
    client,
    informers,
    log: log.with({ operator: "serving" }),
    artifacts: { root: options.artifacts },
    domain: "localhost",
    publicPort,
    gateway: defaultGateway,
  });
  parts.add(together("pod-groups", createPodGroupControllers({ client, informers, log })));
  parts.add(together("domain-operator", [createDomainOperator({ client, informers, log, artifacts: directory })]));
  parts.add(together("service-certificates", [createCertificateRenewal({ client, informers, log })]));
  parts.add(together("image-policies", [createImagePolicyOperator({ client, informers, log, authority })]));
  parts.add(
    together(
      "workflow-operator",
      createWorkflowOperator({
        client,
        informers,
        log,
        checkers,
        records,
        metrics,
        artifactLookup: createArtifactLookup(directory),
        ...(archive ? { archive } : {}),
        ...pods,
      }),
    ),
  );
  parts.add(together("serving-operator", serving));
}
