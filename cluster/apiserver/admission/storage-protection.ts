import type { AdmissionPlugin } from "../request.ts";

const finalizers: Record<string, string> = {
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
  persistentvolumes: "kubernetes.io/pv-protection",
};

/** Storage in use outlives its deletion: a controller takes the finalizer off when nobody uses it any more. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  admit: ({ operation, info, object }) => {
    const finalizer = info.group === "" && info.subresource === "" ? finalizers[info.resource] : undefined;
    if (operation !== "CREATE" || !object || !finalizer) return;
    const present = object.metadata.finalizers ?? [];
    if (!present.includes(finalizer)) object.metadata.finalizers = [...present, finalizer];
  },
};
