import type { PersistentVolumeClaim } from "@capstan/api/generated/core-v1";
import type { Ingress, IngressClass } from "@capstan/api/generated/networking-v1";
import { IngressClasses, StorageClasses } from "@capstan/api/generated/resources";
import type { KubeObject, Resource } from "@capstan/api/meta";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, View } from "../request.ts";

/** The newest class that is marked as the default; by name where two are of one age. */
function defaultOf<T extends KubeObject>(view: View, resource: Resource<T>, annotation: string): T[] {
  const marked = view.list(resource).filter(({ metadata }) => metadata.annotations?.[annotation] === "true");
  return marked.toSorted(({ metadata: a }, { metadata: b }) => {
    const [first = "", second = ""] = [a.creationTimestamp, b.creationTimestamp];
    return first === second ? (a.name < b.name ? -1 : 1) : first > second ? -1 : 1;
  });
}

/** A claim that names no class gets the default one. Source: kubernetes/plugin/pkg/admission/storage/storageclass/setdefault. */
export function createDefaultStorageClass(view: View): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    admit: ({ operation, info, object }) => {
      if (operation !== "CREATE" || info.group !== "" || info.resource !== "persistentvolumeclaims") return;
      const { spec, metadata } = object as PersistentVolumeClaim;
      // An empty name asks for a volume without a class.
      if (spec.storageClassName !== undefined || metadata.annotations?.["volume.beta.kubernetes.io/storage-class"])
        return;
      const [found] = defaultOf(view, StorageClasses, "storageclass.kubernetes.io/is-default-class");
      if (found) spec.storageClassName = found.metadata.name;
    },
  };
}

/** Source: kubernetes/plugin/pkg/admission/network/defaultingressclass. */
export function createDefaultIngressClass(view: View): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    admit: ({ operation, info, name, object }) => {
      if (operation !== "CREATE" || info.group !== "networking.k8s.io" || info.resource !== "ingresses") return;
      const { spec = {}, metadata } = object as Ingress;
      if (spec.ingressClassName !== undefined || metadata.annotations?.["kubernetes.io/ingress.class"]) return;
      const found: IngressClass[] = defaultOf(view, IngressClasses, "ingressclass.kubernetes.io/is-default-class");
      if (found.length > 1) {
        throw forbiddenObject(info, name, `${found.length} default IngressClasses were found, only 1 allowed`);
      }
      if (found[0]) spec.ingressClassName = found[0].metadata.name;
    },
  };
}
