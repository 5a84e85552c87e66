import type { Pod, Toleration } from "@capstan/api/generated/core-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { equal } from "@capstan/api/meta";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";
import { createdPod } from "./of-pods.ts";

const prefix = "scheduler.alpha.kubernetes.io";
const defaults = `${prefix}/defaultTolerations`;
const whitelist = `${prefix}/tolerationsWhitelist`;

/**
 * Pods get the tolerations that their namespace's annotation names, and only those that its whitelist covers.
 * Source: kubernetes/plugin/pkg/admission/podtolerationrestriction.
 */
export function createPodTolerations(view: View): AdmissionPlugin {
  const read = (attributes: Attributes, key: string): Toleration[] | undefined => {
    const text = view.get(Namespaces, { name: attributes.namespace })?.metadata.annotations?.[key];
    return text ? parse(text, key, attributes) : undefined;
  };
  return {
    name: "PodTolerationRestriction",
    admit: (attributes) => {
      const pod = createdPod(attributes);
      const added = pod && read(attributes, defaults);
      if (!pod || !added) return;
      const present = pod.spec.tolerations ?? [];
      const missing = added.filter((one) => !present.some((other) => equal(one, other)));
      if (missing.length > 0) pod.spec.tolerations = [...present, ...missing];
    },
    validate: (attributes) => {
      const pod: Pod | undefined = createdPod(attributes);
      const allowed = pod && read(attributes, whitelist);
      if (!pod || !allowed || allowed.length === 0) return;
      const foreign = (pod.spec.tolerations ?? []).find((one) => !allowed.some((other) => covers(other, one)));
      if (!foreign) return;
      const words =
        "pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist";
      throw forbiddenObject(attributes.info, attributes.name, words);
    },
  };
}

/** Whether whatever `one` tolerates `other` tolerates too, and for as long. */
function covers(other: Toleration, one: Toleration): boolean {
  if (other.key && other.key !== one.key) return false;
  if (other.effect && other.effect !== one.effect) return false;
  if (other.tolerationSeconds !== undefined && (one.tolerationSeconds ?? Infinity) > other.tolerationSeconds)
    return false;
  if (other.operator === "Exists") return true;
  return one.operator !== "Exists" && Boolean(other.key) && (other.value ?? "") === (one.value ?? "");
}

function parse(text: string, key: string, { info, name }: Attributes): Toleration[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((one) => typeof one === "object" && one !== null)) return list;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw forbiddenObject(info, name, `annotation ${key} of its namespace is no list of tolerations in JSON`);
}
