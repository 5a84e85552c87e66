import type { AnyObject } from "../kind.ts";
import { clusterColumns } from "./cluster-kinds.ts";
import type { Column } from "./column.ts";
import { coreColumns } from "./core.ts";
import { deviceColumns } from "./devices.ts";
import { networkingColumns } from "./networking.ts";
import { podColumns } from "./pod.ts";
import { workloadColumns } from "./workloads.ts";

/** Columns of the built-in kinds by `group/resource`, or `group/version/resource`. Source: upstream's internal printers. */
export const builtinColumns: Readonly<Record<string, Column<AnyObject>[]>> = {
  "/pods": podColumns,
  ...coreColumns,
  ...workloadColumns,
  ...networkingColumns,
  ...clusterColumns,
  ...deviceColumns,
};
