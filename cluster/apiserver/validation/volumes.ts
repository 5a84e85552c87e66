// Persistent volumes. Source: upstream's pkg/apis/core/validation: ValidatePersistentVolume.
import type { PersistentVolume, PersistentVolumeSpec } from "@capstan/api/generated/core-v1";
import { isQuantity, parseQuantity } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { isSubdomain, subdomainDetail } from "../metadata.ts";
import { accessModes, checkSinglePod, volumeModes } from "./core.ts";
import { checkOneOf } from "./values.ts";

/** What a persistent volume can be. */
const volumeSources = [
  "awsElasticBlockStore",
  "azureDisk",
  "azureFile",
  "cephfs",
  "cinder",
  "csi",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "glusterfs",
  "hostPath",
  "iscsi",
  "local",
  "nfs",
  "photonPersistentDisk",
  "portworxVolume",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
] as const;

export function checkVolume({ spec }: PersistentVolume, errors: FieldErrors): void {
  if (!spec.accessModes?.length) errors.required("spec.accessModes");
  for (const mode of spec.accessModes ?? []) checkOneOf(mode, accessModes, "spec.accessModes", errors);
  if (Object.keys(spec.capacity ?? {}).length === 0) errors.required("spec.capacity");
  if (!spec.capacity?.storage || Object.keys(spec.capacity).length > 1) {
    errors.notSupported("spec.capacity", spec.capacity ?? null, ["storage"]);
  }
  const storage = spec.capacity?.storage;
  if (storage !== undefined && isQuantity(storage) && parseQuantity(storage) <= 0) {
    if (parseQuantity(storage) < 0) errors.invalid("spec.capacity[storage]", -1, "must be a valid resource quantity");
    errors.invalid("spec.capacity[storage]", storage, "must be greater than zero");
  }
  checkSinglePod(spec.accessModes, errors);
  if (spec.volumeMode !== undefined) checkOneOf(spec.volumeMode, volumeModes, "spec.volumeMode", errors);
  checkSource(spec, errors);
  checkOneOf(
    spec.persistentVolumeReclaimPolicy,
    ["Delete", "Recycle", "Retain"],
    "spec.persistentVolumeReclaimPolicy",
    errors,
  );
}

function checkSource(spec: PersistentVolumeSpec, errors: FieldErrors): void {
  const { hostPath, local, nfs, csi } = spec;
  const [source, ...more] = volumeSources.filter((name) => spec[name]);
  if (!source) errors.required("spec", "must specify a volume type");
  for (const name of more) errors.forbidden(`spec.${name}`, "may not specify more than 1 volume type");
  if (source === "hostPath") checkPath(hostPath?.path, "spec.hostPath.path", errors);
  if (source === "hostPath" && hostPath?.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
    errors.forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'");
  }
  if (source === "local") {
    checkPath(local?.path, "spec.local.path", errors);
    if (!spec.nodeAffinity) errors.required("spec.nodeAffinity", "Local volume requires node affinity");
  }
  if (source === "nfs") {
    if (!nfs?.server) errors.required("spec.nfs.server");
    if (!nfs?.path) errors.required("spec.nfs.path");
    if (!nfs?.path?.startsWith("/")) errors.invalid("spec.nfs.path", nfs?.path ?? "", "must be an absolute path");
  }
  if (source === "csi") {
    if (!csi?.driver) errors.required("spec.csi.driver");
    const driver = csi?.driver?.toLowerCase() ?? "";
    if (!isSubdomain(driver)) errors.invalid("spec.csi.driver", driver, subdomainDetail);
    if (!csi?.volumeHandle) errors.required("spec.csi.volumeHandle");
  }
}

function checkPath(path: string | undefined, at: string, errors: FieldErrors): void {
  if (!path) errors.required(at);
  else if (path.split("/").includes("..")) errors.invalid(at, path, "must not contain '..'");
}
