import type { Pod, Toleration } from "@capstan/api/generated/core-v1";
import type { RuntimeClass } from "@capstan/api/generated/node-v1";
import { RuntimeClasses } from "@capstan/api/generated/resources";
import { equal, parseQuantity } from "@capstan/api/meta";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";
import { createdPod } from "./of-pods.ts";

type Amounts = Record<string, string>;

/** Pods get the overhead and the nodes of their runtime class. Source: plugin/pkg/admission/runtimeclass. */
export function createRuntimeClassAdmission(view: View): AdmissionPlugin {
  return {
    name: "RuntimeClass",
    admit: (attributes) => {
      const pod = createdPod(attributes);
      const found = pod && classOf(view, pod, attributes);
      if (!found) return;
      setOverhead(pod, found, attributes);
      setScheduling(pod, found, attributes);
    },
    validate: (attributes) => {
      const pod = createdPod(attributes);
      if (!pod?.spec.overhead) return;
      const fixed = classOf(view, pod, attributes)?.overhead?.podFixed;
      if (!fixed) throw refused(attributes, "Pod Overhead set without corresponding RuntimeClass defined Overhead");
      if (!sameAmounts(pod.spec.overhead, fixed)) throw refused(attributes, mismatch);
    },
  };
}

const mismatch = "Pod's Overhead doesn't match RuntimeClass's defined Overhead";

const refused = ({ info, name }: Attributes, text: string) => forbiddenObject(info, name, `pod rejected: ${text}`);

function classOf(view: View, pod: Pod, attributes: Attributes): RuntimeClass | undefined {
  const name = pod.spec.runtimeClassName;
  if (name === undefined) return undefined;
  const found = view.get(RuntimeClasses, { name });
  if (!found) throw refused(attributes, `RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

function setOverhead({ spec }: Pod, { overhead }: RuntimeClass, attributes: Attributes): void {
  if (!overhead) return;
  const fixed = overhead.podFixed ?? {};
  if (spec.overhead && !sameAmounts(spec.overhead, fixed)) throw refused(attributes, mismatch);
  spec.overhead = { ...fixed };
}

function sameAmounts(a: Amounts, b: Amounts): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => b[name] !== undefined && parseQuantity(a[name] ?? "") === parseQuantity(b[name]))
  );
}

function setScheduling({ spec }: Pod, { scheduling }: RuntimeClass, { info, name }: Attributes): void {
  if (!scheduling) return;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      const text = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
      throw forbiddenObject(info, name, text);
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  const present: Toleration[] = spec.tolerations ?? [];
  const added = (scheduling.tolerations ?? []).filter((one) => !present.some((other) => equal(one, other)));
  if (added.length > 0) spec.tolerations = [...present, ...structuredClone(added)];
}
