import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { LineageNode, Records } from "@capstan/core/records";
import { createBatches } from "../archive/batches.ts";
import { lineageOf } from "./node.ts";

/** Writes steps down as they end. What is lost when the process ends is written again with the workflow's archiving. */
export interface LineageWriter {
  /** Returns at once; a failure is logged. */
  write(workflow: Workflow, reached: NodeStatus[]): void;
}

/** Steps in one commit. */
const together = 200;

export function createLineageWriter({ records, log }: { records: Records; log: Logger }): LineageWriter {
  const batches = createBatches<LineageNode>(together, async (nodes) => {
    const { lineage } = await records.open();
    await lineage.record(nodes);
  });
  return {
    write(workflow, reached) {
      for (const node of reached) {
        const step = lineageOf(workflow, node);
        if (!step) continue;
        batches.add(step).catch((error: unknown) => {
          log.warn("a step's lineage could not be written", { node: node.id, error: messageOf(error) });
        });
      }
    },
  };
}
