// Whether a node takes a pod that was bound to it. Source: k8s.io/kubernetes pkg/kubelet/lifecycle predicate.go.
import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import { matchesNode } from "../../scheduler/node-affinity.ts";
import { hostPorts } from "../../scheduler/node-state.ts";
import { type Amounts, add, podRequests } from "../../scheduler/requests.ts";
import { untolerated } from "../../scheduler/tolerations.ts";

/** In the kubelet's words. */
export interface Rejection {
  reason: string;
  message: string;
}

/** A pod that the node has for itself and does not share with the API's bindings: taints do not drive it away. */
export const isStatic = ({ metadata }: Pod) => {
  const source = metadata.annotations?.["kubernetes.io/config.source"];
  return source !== undefined && source !== "api";
};

/**
 * @param active the other pods of the node that are not over.
 * @param devices resources that are counted where they are allotted, one by one.
 */
export function admit(
  pod: Pod,
  node: Node,
  active: Pod[],
  devices: ReadonlySet<string> = new Set(),
): Rejection | undefined {
  const { nodeName, os } = pod.spec ?? {};
  if (os?.name !== undefined && os.name !== "linux") {
    return { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  if (isConfined(pod)) {
    return { reason: "AppArmor", message: "Cannot enforce AppArmor: AppArmor is not enabled on the host" };
  }
  const lacking = lacks(pod, node, active, devices);
  if (lacking) return lacking;
  const failed = (predicate: string) => ({ reason: predicate, message: `Predicate ${predicate} failed` });
  if (!matchesNode(pod, node)) return failed("NodeAffinity");
  if (nodeName && nodeName !== node.metadata.name) return failed("NodeName");
  if (portTaken(pod, active)) return failed("NodePorts");
  if (!isStatic(pod) && untolerated(pod, node.spec?.taints, "NoExecute")) return failed("TaintToleration");
  return undefined;
}

const confinement = "container.apparmor.security.beta.kubernetes.io/";

/** Whether a pod counts on an AppArmor profile: no runtime of the node loads one. */
function isConfined({ metadata, spec }: Pod): boolean {
  const { containers, initContainers = [], ephemeralContainers = [], securityContext } = spec ?? { containers: [] };
  const all = [...containers, ...initContainers, ...ephemeralContainers].map((one) => one.securityContext);
  if ([securityContext, ...all].some((one) => (one?.appArmorProfile?.type ?? "Unconfined") !== "Unconfined"))
    return true;
  const noted = Object.entries(metadata.annotations ?? {});
  return noted.some(([key, value]) => key.startsWith(confinement) && value !== "unconfined");
}

/** The first resource that is short. What the node does not know at all is nothing that it could run out of. */
function lacks(pod: Pod, { status }: Node, active: Pod[], devices: ReadonlySet<string>): Rejection | undefined {
  const short = (name: string, requested: number, used: number, capacity: number): Rejection | undefined => {
    if (requested === 0 || used + requested <= capacity) return undefined;
    const message = `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
    return { reason: `OutOf${name}`, message };
  };
  const capacity = status?.allocatable ?? {};
  const full = short("pods", 1, active.length, amount("pods", capacity.pods));
  if (full) return full;
  const used: Amounts = {};
  for (const other of active) add(used, requestsOf(other));
  for (const [name, requested] of Object.entries(requestsOf(pod))) {
    if (capacity[name] === undefined || devices.has(name)) continue;
    const unit = name === "cpu" ? 1000 : 1;
    const found = short(
      name,
      Math.ceil(requested * unit),
      Math.ceil((used[name] ?? 0) * unit),
      amount(name, capacity[name]),
    );
    if (found) return found;
  }
  return undefined;
}

const known = new WeakMap<object, Amounts>();

/** A pod is counted once, however many come after it. */
function requestsOf({ spec }: Pod): Amounts {
  const found = known.get(spec) ?? podRequests({ spec });
  known.set(spec, found);
  return found;
}

/** The kubelet counts processors in thousandths. */
function amount(name: string, quantity: string | undefined): number {
  if (quantity === undefined) return Number.POSITIVE_INFINITY;
  return Math.floor(parseQuantity(quantity) * (name === "cpu" ? 1000 : 1));
}

function portTaken(pod: Pod, active: Pod[]): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const everywhere = "0.0.0.0";
  return active
    .flatMap(hostPorts)
    .some((taken) =>
      wanted.some(
        ({ ip, port, protocol }) =>
          port === taken.port &&
          protocol === taken.protocol &&
          (ip === taken.ip || ip === everywhere || taken.ip === everywhere),
      ),
    );
}
