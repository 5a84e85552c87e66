import type { Lineage } from "@capstan/api/kinds/records";
import { StatusError } from "@capstan/api/meta";
import type { LineageNode, LineageQuery } from "@capstan/core/records";
import { deleteAll } from "./archive.ts";
import { type Answers, pick, type RecordCall } from "./endpoint.ts";
import { lineages } from "./kinds.ts";

export const lineageAnswers: Answers = {
  async list(call) {
    const { nodes, cut } = await call.records.lineage.trace(queryOf(call));
    if (cut) call.warn(`there are more steps than these ${nodes.length}: the answer is cut (traceLimit)`);
    return { items: nodes.map(objectOf) };
  },
  /** What steps gave goes with it: nothing of it is used again. */
  deletecollection: (call) =>
    deleteAll(call, async (namespace) => {
      await call.records.lineage.deleteNamespace(namespace);
      await call.records.memos.deleteNamespace(namespace);
    }),
};

function queryOf({ info }: RecordCall): LineageQuery {
  const { namespace, query } = info;
  if (!namespace) throw new StatusError("BadRequest", "lineage is asked for in one namespace");
  const { artifact, workflow, node, direction = "both" } = pick(query, ["artifact", "workflow", "node", "direction"]);
  if (direction !== "up" && direction !== "down" && direction !== "both")
    throw new StatusError("BadRequest", `direction: "${direction}" is none of up, down, both`);
  if ((artifact === undefined) === (workflow === undefined))
    throw new StatusError("BadRequest", "lineage is of an artifact or of a workflow: give one of artifact=, workflow=");
  if (artifact !== undefined) return { namespace, start: { artifact }, direction };
  return { namespace, start: { workflow: workflow as string, ...(node ? { node } : {}) }, direction };
}

function objectOf({ namespace, ...step }: LineageNode): Lineage {
  return {
    apiVersion: `${lineages.group}/${lineages.version}`,
    kind: lineages.kind,
    metadata: { name: step.node, namespace, uid: `${step.uid}/${step.node}` },
    step,
  };
}
