import type { AdmissionPlugin } from "../request.ts";
import { createdPod } from "./of-pods.ts";

// Seconds that a pod stays on a node that fell silent. Source: kube-apiserver's --default-*-toleration-seconds.
const stay = 300;
const keys = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/** Pods outlive short absences of their node, unless they say otherwise themselves. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  admit: (attributes) => {
    const pod = createdPod(attributes);
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
