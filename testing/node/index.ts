// A node without containers: for tests of what stands above the node agent.
export { createPaperNode, type PaperNodeOptions } from "./paper-node.ts";
export { createPaperStats, type PaperUse } from "./paper-stats.ts";
