import type { Pod } from "@capstan/api/generated/core-v1";
import type { AdmissionPlugin, Attributes } from "../request.ts";
import { createdPod } from "./of-pods.ts";

// Seconds that a pod stays on a node that fell silent. Source: kube-apiserver's --default-*-toleration-seconds.
const stay = 300;
const keys = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

function updatedPod({ operation, info, object }: Attributes): Pod | undefined {
  const own = info.group === "" && info.resource === "pods" && info.subresource === "";
  return own && operation === "UPDATE" ? (object as Pod | undefined) : undefined;
}

/** Pods outlive short absences of their node, unless they say otherwise themselves. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  admit: (attributes) => {
    const pod = createdPod(attributes) ?? updatedPod(attributes);
    if (!pod) return;
    const present = pod.spec.tolerations ?? [];
    const missing = keys.filter(
      (key) => !present.some((t) => (!t.key || t.key === key) && (!t.effect || t.effect === "NoExecute")),
    );
    if (missing.length === 0) return;
    const added = missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: stay }));
    pod.spec.tolerations = [...present, ...added];
  },
};
