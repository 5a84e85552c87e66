// Follows artifacts from step to step, breadth first.
import { makersOf } from "@capstan/api/kinds/lineage";
import { sql } from "kysely";
import type { Room } from "../open.ts";
import type { LineageArtifactRow, LineageNodeRow } from "../tables.ts";
import {
  type LineageNode,
  type LineageQuery,
  LineageQueryError,
  type LineageStart,
  type LineageTrace,
} from "./model.ts";

/** Most steps in one answer. */
export const traceLimit = 2000;
/** Values in one statement. */
const batch = 400;
/** Shortest beginning of a digest that stands for all of it, hexadecimal digits. */
const digitsAtLeast = 6;

type Key = string;
const keyOf = ({ uid, node }: { uid: string; node: string }): Key => `${uid}/${node}`;

export async function traceLineage(room: Room, query: LineageQuery): Promise<LineageTrace> {
  const found = new Map<Key, LineageNode>();
  const start = await startOf(room, query.namespace, query.start);
  const cut = { is: false };
  const ways = query.direction === "both" ? (["up", "down"] as const) : ([query.direction] as const);
  for (const way of ways) await follow(room, query.namespace, start, way, found, cut);
  return { nodes: [...found.values()], artifacts: start.artifacts, cut: cut.is };
}

const byEnd = (a: LineageNode, b: LineageNode) =>
  a.finishedAt.localeCompare(b.finishedAt) || a.name.localeCompare(b.name);

/** Content is often made again: asked for are those that these readers had it from. Without readers: who did the work. */
function makers(readers: LineageNode[], artifacts: string[], known: LineageNode[]): LineageNode[] {
  const nobody = { uid: "", node: "", finishedAt: "", reused: false };
  const chosen =
    readers.length > 0
      ? readers.flatMap((reader) => reader.inputs.flatMap((input) => makersOf(reader, input, known)))
      : artifacts.flatMap((artifact) => makersOf(nobody, { artifact, location: "" }, known));
  return [...new Set(chosen)];
}

interface Start {
  nodes: { uid: string; node: string }[];
  artifacts: string[];
}

/** Of a step: itself. Of an artifact: those who made it, or who used it. */
async function follow(
  room: Room,
  namespace: string,
  start: Start,
  way: "up" | "down",
  found: Map<Key, LineageNode>,
  cut: { is: boolean },
): Promise<void> {
  const seen = new Set<string>();
  const visited = new Set<Key>();
  let nodes = start.nodes;
  let artifacts = nodes.length > 0 ? [] : start.artifacts;
  let readers: LineageNode[] = [];
  while (nodes.length > 0 || artifacts.length > 0) {
    if (artifacts.length > 0) {
      for (const artifact of artifacts) seen.add(artifact);
      nodes = await nodesOf(room, namespace, artifacts, way === "up" ? 1 : 0);
    }
    const candidates = await readNodes(room, nodes);
    const chosen = way === "up" && artifacts.length > 0 ? makers(readers, artifacts, candidates) : candidates;
    const fresh = chosen.filter((node) => !visited.has(keyOf(node))).sort(byEnd);
    const left = Math.max(0, traceLimit - found.size);
    if (fresh.length > left) cut.is = true;
    const read = fresh.slice(0, left);
    for (const node of read) {
      visited.add(keyOf(node));
      found.set(keyOf(node), node);
    }
    readers = read;
    const next = read.flatMap(({ inputs, outputs }) =>
      (way === "up" ? inputs : outputs).map(({ artifact }) => artifact),
    );
    artifacts = [...new Set(next)].filter((artifact) => !seen.has(artifact));
    nodes = [];
  }
}

async function startOf(room: Room, namespace: string, start: LineageStart): Promise<Start> {
  if ("artifact" in start) return { nodes: [], artifacts: await artifactsOf(room, namespace, start.artifact) };
  let query = room.db
    .selectFrom("lineage_nodes")
    .select(["uid", "node"])
    .where("cluster", "=", room.cluster)
    .where("namespace", "=", namespace)
    .where("workflow", "=", start.workflow);
  const { node } = start;
  if (node !== undefined) {
    query = query.where((builder) =>
      builder.or([
        builder("node", "=", node),
        builder("node_name", "=", node),
        sql<boolean>`node_name like ${`%.${node.replace(/[\\%_]/g, "\\$&")}`} escape '\\'`,
      ]),
    );
  }
  return { nodes: await query.limit(traceLimit).execute(), artifacts: [] };
}

/** A digest may be shortened while it stands for one artifact; anything else is the artifact or its location. */
async function artifactsOf({ db, cluster }: Room, namespace: string, text: string): Promise<string[]> {
  const digits = /^(?:sha256:)?([0-9a-f]+)$/.exec(text)?.[1];
  const base = db
    .selectFrom("lineage_artifacts")
    .select("artifact")
    .distinct()
    .where("cluster", "=", cluster)
    .where("namespace", "=", namespace);
  if (digits === undefined) {
    const rows = await base
      .where((builder) => builder.or([builder("artifact", "=", text), builder("location", "=", text)]))
      .limit(batch)
      .execute();
    return rows.map(({ artifact }) => artifact);
  }
  if (digits.length < digitsAtLeast)
    throw new LineageQueryError(`${text} is too short: at least ${digitsAtLeast} digits of a digest`);
  const rows = await base
    .where(sql<boolean>`artifact like ${`sha256:${digits}%`}`)
    .limit(2)
    .execute();
  if (rows.length > 1) throw new LineageQueryError(`${text} fits more than one artifact: give more of its digest`);
  return rows.map(({ artifact }) => artifact);
}

async function nodesOf({ db, cluster }: Room, namespace: string, artifacts: string[], made: number) {
  const nodes: { uid: string; node: string }[] = [];
  for (let at = 0; at < artifacts.length; at += batch) {
    const rows = await db
      .selectFrom("lineage_artifacts")
      .select(["uid", "node"])
      .where("cluster", "=", cluster)
      .where("namespace", "=", namespace)
      .where("artifact", "in", artifacts.slice(at, at + batch))
      .where("made", "=", made)
      .orderBy("uid")
      .limit(traceLimit + 1)
      .execute();
    nodes.push(...rows);
  }
  return [...new Map(nodes.map((node) => [keyOf(node), node])).values()];
}

async function readNodes({ db, cluster }: Room, wanted: { uid: string; node: string }[]): Promise<LineageNode[]> {
  const found: LineageNode[] = [];
  for (let at = 0; at < wanted.length; at += batch) {
    const keys = wanted.slice(at, at + batch);
    const ids = keys.map(({ node }) => node);
    const uids = [...new Set(keys.map(({ uid }) => uid))];
    const own = new Set(keys.map(keyOf));
    const nodes = await db
      .selectFrom("lineage_nodes")
      .selectAll()
      .where("cluster", "=", cluster)
      .where("uid", "in", uids)
      .where("node", "in", ids)
      .execute();
    const artifacts = await db
      .selectFrom("lineage_artifacts")
      .selectAll()
      .where("cluster", "=", cluster)
      .where("uid", "in", uids)
      .where("node", "in", ids)
      .orderBy("name")
      .execute();
    const byNode = Map.groupBy(artifacts, keyOf);
    for (const node of nodes) if (own.has(keyOf(node))) found.push(joined(node, byNode.get(keyOf(node)) ?? []));
  }
  return found;
}

function joined(row: LineageNodeRow, artifacts: LineageArtifactRow[]): LineageNode {
  const of = (made: number) =>
    artifacts.filter((one) => one.made === made).map(({ name, artifact, location }) => ({ name, artifact, location }));
  return {
    uid: row.uid,
    namespace: row.namespace,
    workflow: row.workflow,
    node: row.node,
    name: row.node_name,
    template: row.template,
    phase: row.phase,
    finishedAt: row.finished_at,
    reused: row.reused === 1,
    parameters: JSON.parse(row.parameters) as Record<string, string>,
    inputs: of(0),
    outputs: of(1),
  };
}
