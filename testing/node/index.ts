// A node without containers: for tests of what stands above the node agent.

export { DeviceVendor, registerPlugin } from "./device-vendor.ts";
export { createPaperNode, type PaperNodeOptions } from "./paper-node.ts";
export { createPaperStats, type PaperUse } from "./paper-stats.ts";
