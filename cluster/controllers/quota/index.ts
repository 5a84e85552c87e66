// Says in a ResourceQuota's status what its namespace uses. Admission counts for itself: nothing waits for this.
export { createResourceQuotaController } from "./controller.ts";
