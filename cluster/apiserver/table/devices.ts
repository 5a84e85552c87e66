import type { ComponentStatus } from "@capstan/api/generated/core-v1";
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "@capstan/api/generated/resource-v1";
import type { VolumeAttributesClass } from "@capstan/api/generated/storage-v1";
import { ageColumn, type Column, nameColumn, text } from "./column.ts";

const classColumns: Column<DeviceClass>[] = [nameColumn, ageColumn];
const templateColumns: Column<ResourceClaimTemplate>[] = [nameColumn, ageColumn];

function claimState({ metadata, status }: ResourceClaim): string {
  const deleted = metadata.deletionTimestamp !== undefined;
  const states = deleted ? ["deleted"] : [];
  if (status?.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  else if (!deleted) states.push("pending");
  return states.join(",");
}

const claimColumns: Column<ResourceClaim>[] = [nameColumn, text("State", claimState), ageColumn];

const sliceColumns: Column<ResourceSlice>[] = [
  nameColumn,
  text("Node", ({ spec }) => spec.nodeName ?? ""),
  text("Driver", ({ spec }) => spec.driver),
  text("Pool", ({ spec }) => spec.pool.name),
  ageColumn,
];

const attributesColumns: Column<VolumeAttributesClass>[] = [
  nameColumn,
  text("DriverName", ({ driverName }) => driverName),
  ageColumn,
];

const healthOf = ({ conditions }: ComponentStatus) => conditions?.find(({ type }) => type === "Healthy");

const componentColumns: Column<ComponentStatus>[] = [
  nameColumn,
  text("Status", (component) => {
    const healthy = healthOf(component);
    return healthy ? (healthy.status === "True" ? "Healthy" : "Unhealthy") : "Unknown";
  }),
  text("Message", (component) => healthOf(component)?.message ?? ""),
  text("Error", (component) => healthOf(component)?.error ?? ""),
];

export const deviceColumns = {
  "/componentstatuses": componentColumns,
  "resource.k8s.io/deviceclasses": classColumns,
  "resource.k8s.io/resourceclaims": claimColumns,
  "resource.k8s.io/resourceclaimtemplates": templateColumns,
  "resource.k8s.io/resourceslices": sliceColumns,
  "storage.k8s.io/volumeattributesclasses": attributesColumns,
};
