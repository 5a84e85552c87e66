// Which step made which artifact of what, and who has used it.
import type { Room } from "../open.ts";
import type { LineageArtifactRow, LineageNodeRow } from "../tables.ts";
import type { LineageNode, LineageRecords } from "./model.ts";
import { traceLineage } from "./trace.ts";

/** Parameters longer than this are cut, characters. */
const parameterLimit = 4096;
/** Rows of one statement: databases limit a statement's values. */
const rowsAtOnce = 500;

export function createLineage(room: Room): LineageRecords {
  const { db, cluster } = room;
  return {
    async record(given) {
      const nodes = [...new Map(given.map((node) => [`${node.uid}/${node.node}`, node])).values()];
      await db.transaction().execute(async (tx) => {
        for (let at = 0; at < nodes.length; at += rowsAtOnce) {
          const some = nodes.slice(at, at + rowsAtOnce);
          await tx
            .insertInto("lineage_nodes")
            .values(some.map((node) => nodeRow(cluster, node)))
            .onConflict((conflict) =>
              conflict.columns(["cluster", "uid", "node"]).doUpdateSet((row) => ({
                phase: row.ref("excluded.phase"),
                finished_at: row.ref("excluded.finished_at"),
                reused: row.ref("excluded.reused"),
                parameters: row.ref("excluded.parameters"),
              })),
            )
            .execute();
        }
        const artifacts = nodes.flatMap((node) => artifactRows(cluster, node));
        for (let at = 0; at < artifacts.length; at += rowsAtOnce) {
          await tx
            .insertInto("lineage_artifacts")
            .values(artifacts.slice(at, at + rowsAtOnce))
            .onConflict((conflict) =>
              conflict.columns(["cluster", "uid", "node", "made", "name"]).doUpdateSet((row) => ({
                artifact: row.ref("excluded.artifact"),
                location: row.ref("excluded.location"),
              })),
            )
            .execute();
        }
      });
    },
    trace: (query) => traceLineage(room, query),
    async deleteNamespace(namespace) {
      for (const table of ["lineage_artifacts", "lineage_nodes"] as const) {
        await db.deleteFrom(table).where("cluster", "=", cluster).where("namespace", "=", namespace).execute();
      }
    },
  };
}

function nodeRow(cluster: string, node: LineageNode): LineageNodeRow {
  const { uid, namespace, workflow, template, phase, finishedAt, reused } = node;
  const parameters = Object.entries(node.parameters).map(([name, value]) => [name, value.slice(0, parameterLimit)]);
  return {
    cluster,
    uid,
    node: node.node,
    namespace,
    workflow,
    node_name: plain(node.name),
    template,
    phase,
    finished_at: finishedAt,
    reused: reused ? 1 : 0,
    parameters: JSON.stringify(Object.fromEntries(parameters)),
  };
}

function artifactRows(cluster: string, node: LineageNode): LineageArtifactRow[] {
  const { uid, namespace } = node;
  const rows = new Map<string, LineageArtifactRow>();
  for (const made of [0, 1]) {
    for (const { name, artifact, location } of made ? node.outputs : node.inputs) {
      const row = { cluster, uid, node: node.node, namespace, made, name: plain(name) };
      rows.set(`${made}/${name}`, { ...row, artifact: plain(artifact), location: plain(location) });
    }
  }
  return [...rows.values()];
}

const plain = (text: string) => text.replaceAll("\0", "\uFFFD");
