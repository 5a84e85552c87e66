// Source: upstream's pkg/registry/core/pod/strategy.go and pkg/apis/core/v1/helper/qos.
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import type { Rules } from "../kind.ts";
import { checkPodSpec, checkPodUpdate } from "../validation/pods.ts";
import { defaultPod } from "./pod-defaults.ts";

/** Guaranteed, Burstable or BestEffort. */
export function qosClassOf(pod: Pod): string {
  const { resources: whole } = pod.spec;
  // What a pod says of itself as a whole is what it is.
  const containers: Pick<Container, "resources">[] =
    whole?.requests || whole?.limits
      ? [{ resources: whole }]
      : [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  let any = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of ["cpu", "memory"]) {
      const [request, limit] = [amount(resources?.requests?.[name]), amount(resources?.limits?.[name])];
      if (request > 0 || limit > 0) any = true;
      if (limit === 0 || (request > 0 && request !== limit)) guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

const amount = (quantity: string | undefined) => (quantity === undefined ? 0 : parseQuantity(quantity));

/** Seconds a pod has to end: at once when it never reached a node or is over. */
export function graceOf(pod: Pod, asked: number | undefined): number {
  const phase = pod.status?.phase;
  if (!pod.spec.nodeName || phase === "Succeeded" || phase === "Failed") return 0;
  const grace = asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  return grace < 0 ? 1 : grace;
}

function warningsOf({ spec }: Pod): string[] {
  const spreads = (spec.topologySpreadConstraints ?? []).flatMap(({ labelSelector }, i) => {
    const field = `spec.topologySpreadConstraints[${i}].labelSelector`;
    return labelSelector ? [] : [`${field}: a null labelSelector results in matching no pod`];
  });
  const secrets = (spec.imagePullSecrets ?? []).flatMap(({ name }, i) =>
    name ? [] : [`spec.imagePullSecrets[${i}].name: invalid empty name ""`],
  );
  return [...spreads, ...secrets];
}

export const podRules: Rules<Pod> = {
  defaults(pod) {
    pod.spec ??= { containers: [] };
    defaultPod(pod.spec);
    const { status } = pod;
    if (status?.podIP && !status.podIPs?.length) status.podIPs = [{ ip: status.podIP }];
  },
  prepare(pod, old, { subresource }) {
    if (!old) {
      if ((pod.spec.terminationGracePeriodSeconds ?? 0) < 0) pod.spec.terminationGracePeriodSeconds = 1;
      pod.status = { phase: "Pending", qosClass: qosClassOf(pod) };
      if (pod.spec.schedulingGates?.length) {
        const message = "Scheduling is blocked due to non-empty scheduling gates";
        const condition = { type: "PodScheduled", status: "False", reason: "SchedulingGated", message };
        pod.status.conditions = [condition];
      }
    } else if (subresource === "status" && pod.status) pod.status.qosClass ??= old.status?.qosClass ?? qosClassOf(pod);
  },
  validate(pod, errors, old, subresource) {
    checkPodSpec(pod.spec, "spec", errors);
    if (!old && pod.spec.ephemeralContainers?.length) {
      errors.forbidden("spec.ephemeralContainers", "cannot be set on create");
    }
    if (old) checkPodUpdate(pod, old, subresource, errors);
  },
  // People do not change pods themselves.
  warnings: (pod, old) => (old ? [] : warningsOf(pod)),
  grace: graceOf,
  usualFields: {
    "spec.restartPolicy": "Always",
    "spec.schedulerName": "default-scheduler",
    "spec.serviceAccountName": "default",
    "spec.hostNetwork": "false",
  },
  fields: {
    "spec.nodeName": (pod) => pod.spec.nodeName ?? "",
    "spec.restartPolicy": (pod) => pod.spec.restartPolicy ?? "",
    "spec.schedulerName": (pod) => pod.spec.schedulerName ?? "",
    "spec.serviceAccountName": (pod) => pod.spec.serviceAccountName ?? "",
    "spec.hostNetwork": (pod) => String(pod.spec.hostNetwork ?? false),
    "status.phase": (pod) => pod.status?.phase ?? "",
    "status.podIP": (pod) => pod.status?.podIP ?? "",
    // Known, and without a value: as upstream.
    "status.podIPs": () => "",
    "status.nominatedNodeName": (pod) => pod.status?.nominatedNodeName ?? "",
  },
};
