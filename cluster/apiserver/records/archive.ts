import type { ArchivedLabel, ArchivedWorkflow } from "@capstan/api/kinds/records";
import { notFound, parseFieldSelector, parseLabelSelector, StatusError } from "@capstan/api/meta";
import type { ArchivedWorkflow as Archived, ArchiveQuery } from "@capstan/core/records";
import { readBody } from "../body.ts";
import { type Answers, pick, type RecordCall, readLimit } from "./endpoint.ts";
import { archivedWorkflows } from "./kinds.ts";

const apiVersion = `${archivedWorkflows.group}/${archivedWorkflows.version}`;

export const archiveAnswers: Answers = {
  get: async (call) => {
    const summary = await find(call);
    const workflow = await call.records.archive.get(summary.uid);
    if (!workflow) throw notFound(archivedWorkflows, call.info.name);
    return { ...objectOf(summary), workflow } as ArchivedWorkflow;
  },
  async list(call) {
    const fields = byField(call.info.query.get("fieldSelector") ?? "");
    const { namespace } = call.info;
    // Authorization was asked about the path's namespace: no selector leads out of it.
    if (namespace && fields.namespace !== undefined && fields.namespace !== namespace) return { items: [] };
    const { items, continue: next } = await call.records.archive.search({ ...fields, ...queryOf(call) });
    return { items: items.map(objectOf), ...(next ? { continue: next } : {}) };
  },
  async delete(call) {
    const { uid } = await find(call);
    if (!(await isDryRun(call))) await call.records.archive.delete(uid);
  },
  deletecollection: (call) => deleteAll(call, (namespace) => call.records.archive.deleteNamespace(namespace)),
};

/** A namespace's records go as a whole. */
export async function deleteAll(call: RecordCall, work: (namespace: string) => Promise<unknown>): Promise<void> {
  for (const name of ["labelSelector", "fieldSelector"]) {
    if (call.info.query.get(name))
      throw new StatusError("BadRequest", `${name}: records are deleted one by one or all`);
  }
  if (!(await isDryRun(call))) await work(call.info.namespace);
}

/** The workflow of this name in this namespace: nobody reaches another's by its UID. */
async function find({ records, info }: RecordCall): Promise<Archived> {
  const [found] = (await records.archive.search({ uid: info.name, namespace: info.namespace })).items;
  if (!found) throw notFound(archivedWorkflows, info.name);
  return found;
}

const texts = ["name", "namePrefix", "namePattern", "template", "continue"] as const;
const times = ["startedAfter", "startedBefore", "finishedAfter", "finishedBefore"] as const;

function queryOf({ info }: RecordCall): ArchiveQuery {
  const { query, namespace } = info;
  const limit = readLimit(query);
  const phases = query.get("phase")?.split(",");
  return {
    ...(namespace ? { namespace } : {}),
    ...(limit ? { limit } : {}),
    ...(phases ? { phases } : {}),
    ...pick(query, [...texts, ...times]),
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
  };
}

function byField(selector: string): ArchiveQuery {
  const found: ArchiveQuery = {};
  for (const { field, equal, value } of parseFieldSelector(selector)) {
    if (!equal) throw new StatusError("BadRequest", `field selector: ${field} can only be asked for with =`);
    if (field === "metadata.name") found.uid = value;
    else if (field === "metadata.namespace") found.namespace = value;
    else if (field === "summary.workflow") found.name = value;
    else if (field === "summary.phase") found.phases = [value];
    else throw new StatusError("BadRequest", `field label not supported: ${field}`);
  }
  return found;
}

function objectOf(found: Archived): ArchivedWorkflow {
  const { uid, namespace, name, phase, template, message, progress, labels } = found;
  return {
    apiVersion,
    kind: archivedWorkflows.kind,
    metadata: { name: uid, namespace, uid, labels, creationTimestamp: found.createdAt.replace(/\.\d+Z$/, "Z") },
    summary: {
      workflow: name,
      phase,
      ...(template ? { template } : {}),
      ...(message ? { message } : {}),
      ...(progress ? { progress } : {}),
      startedAt: found.startedAt,
      finishedAt: found.finishedAt,
      archivedAt: found.archivedAt,
    },
  };
}

export const labelAnswers: Answers = {
  async list({ records, info }) {
    const { archive } = records;
    const namespace = info.namespace || undefined;
    const key = info.query.get("key");
    const object = (name: string): ArchivedLabel => ({
      apiVersion,
      kind: "ArchivedLabel",
      metadata: { name, ...(namespace ? { namespace } : {}) },
    });
    if (key) return { items: [{ ...object(key), values: await archive.labelValues(key, namespace) } as ArchivedLabel] };
    return { items: (await archive.labelKeys(namespace)).map(object) };
  },
};

/** Of the query or of the body's options. */
export async function isDryRun({ info, request }: RecordCall): Promise<boolean> {
  if (info.query.getAll("dryRun").includes("All")) return true;
  const { value } = await readBody(request);
  const options = value as { kind?: string; dryRun?: string[] } | undefined;
  return options?.kind === "DeleteOptions" && options.dryRun?.includes("All") === true;
}
