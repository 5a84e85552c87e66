import type { Node } from "@capstan/api/generated/core-v1";
import type { AdmissionPlugin } from "../request.ts";

const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

/** No pod goes to a new node before it is ready: who watches nodes takes the taint away. Source: plugin/pkg/admission/nodetaint. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  admit: ({ info, operation, object }) => {
    if (info.group !== "" || info.resource !== "nodes" || info.subresource !== "" || operation !== "CREATE") return;
    const node = object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
    node.spec = { ...node.spec, taints: [...taints, { ...notReady }] };
  },
};
