// What an archive is searched by, as SQL. Every value is a parameter.
import type { Requirement } from "@capstan/api/meta";
import { type ExpressionBuilder, type SelectQueryBuilder, sql } from "kysely";
import type { Room } from "../open.ts";
import type { Tables } from "../tables.ts";
import { type ArchivePage, type ArchiveQuery, ArchiveQueryError, pageLimit } from "./query.ts";
import { type ArchivedWorkflow, fromRow, timeOf } from "./summary.ts";

const patternLimit = 256;
type Search<T> = SelectQueryBuilder<Tables, "archived_workflows", T>;

const columns = [
  "uid",
  "namespace",
  "name",
  "phase",
  "template",
  "message",
  "progress",
  "created_at",
  "started_at",
  "finished_at",
  "archived_at",
  "labels",
] as const;

export async function searchArchive(room: Room, query: ArchiveQuery): Promise<ArchivePage> {
  const limit = Math.min(query.limit || 100, pageLimit);
  let search = room.db.selectFrom("archived_workflows").select(columns).where("cluster", "=", room.cluster);
  search = byTime(byName(search, query), query);
  if (query.namespace) search = search.where("namespace", "=", query.namespace);
  if (query.uid) search = search.where("uid", "=", query.uid);
  if (query.phases?.length) search = search.where("phase", "in", query.phases);
  if (query.template !== undefined) search = search.where("template", "=", query.template);
  for (const requirement of query.labels ?? []) search = search.where((builder) => byLabel(builder, requirement));
  if (query.continue !== undefined) search = after(search, query.continue);
  const rows = await search
    .orderBy("started_at", "desc")
    .orderBy("uid", "desc")
    .limit(limit + 1)
    .execute();
  const items = rows.slice(0, limit).map(fromRow);
  const last = items.at(-1);
  return rows.length > limit && last ? { items, continue: tokenOf(last) } : { items };
}

function byName<T>(search: Search<T>, { name, namePrefix, namePattern }: ArchiveQuery): Search<T> {
  let found = search;
  if (name !== undefined) found = found.where("name", "=", name);
  if (namePrefix !== undefined) found = found.where(like(`${escaped(namePrefix)}%`));
  if (namePattern !== undefined) {
    if (namePattern.length > patternLimit)
      throw new ArchiveQueryError(`the name pattern is longer than ${patternLimit} characters (patternLimit)`);
    const pattern = escaped(namePattern).replaceAll("*", "%").replaceAll("?", "_");
    found = found.where(like(pattern));
  }
  return found;
}
const escaped = (text: string) => text.replace(/[\\%_]/g, "\\$&");
const like = (pattern: string) => sql<boolean>`name like ${pattern} escape '\\'`;

function byTime<T>(search: Search<T>, query: ArchiveQuery): Search<T> {
  const bounds = [
    ["started_at", ">=", "startedAfter"],
    ["started_at", "<", "startedBefore"],
    ["finished_at", ">=", "finishedAfter"],
    ["finished_at", "<", "finishedBefore"],
  ] as const;
  let found = search;
  for (const [column, operator, field] of bounds) {
    if (query[field] === undefined) continue;
    const time = timeOf(query[field]);
    if (time === undefined)
      throw new ArchiveQueryError(`${field}: ${JSON.stringify(query[field])} is no time such as 2026-01-31T12:00:00Z`);
    found = found.where(column, operator, time);
  }
  return found;
}

function byLabel(builder: ExpressionBuilder<Tables, "archived_workflows">, { key, operator, values }: Requirement) {
  const labels = builder
    .selectFrom("archived_workflow_labels as l")
    .select("l.uid")
    .whereRef("l.cluster", "=", "archived_workflows.cluster")
    .whereRef("l.uid", "=", "archived_workflows.uid")
    .where("l.name", "=", key);
  switch (operator) {
    case "Exists":
      return builder.exists(labels);
    case "DoesNotExist":
      return builder.not(builder.exists(labels));
    case "In":
      return builder.exists(labels.where("l.value", "in", values));
    case "NotIn":
      return builder.not(builder.exists(labels.where("l.value", "in", values)));
    default:
      throw new ArchiveQueryError(`the archive's label selector takes =, !=, in, notin, and names, not ${operator}`);
  }
}

const tokenOf = ({ startedAt, uid }: ArchivedWorkflow): string =>
  Buffer.from(JSON.stringify([startedAt, uid])).toString("base64url");

function after<T>(search: Search<T>, token: string): Search<T> {
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch (error) {
    throw new ArchiveQueryError("continue: this is no token of an earlier answer", { cause: error });
  }
  if (!Array.isArray(place) || !place.every((part) => typeof part === "string") || place.length !== 2)
    throw new ArchiveQueryError("continue: this is no token of an earlier answer");
  const [startedAt, uid] = place as [string, string];
  return search.where((builder) =>
    builder.or([
      builder("started_at", "<", startedAt),
      builder.and([builder("started_at", "=", startedAt), builder("uid", "<", uid)]),
    ]),
  );
}
