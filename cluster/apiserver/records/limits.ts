import type { SemaphoreLimit } from "@capstan/api/kinds/records";
import { alreadyExists, notFound, StatusError } from "@capstan/api/meta";
import { readBody } from "../body.ts";
import { isDryRun } from "./archive.ts";
import type { Answers, RecordCall } from "./endpoint.ts";
import { semaphoreLimits } from "./kinds.ts";

/** Most holders of one semaphore. */
const limitLimit = 1_000_000;

export const limitAnswers: Answers = {
  async get(call) {
    const found = await find(call, call.info.name);
    if (!found) throw notFound(semaphoreLimits, call.info.name);
    return found;
  },
  list: async ({ records, info }) => ({
    items: (await records.locks.limits(info.namespace || undefined)).map(({ name, limit }) => objectOf(name, limit)),
  }),
  async create(call) {
    const { name, limit } = await readGiven(call);
    if (await find(call, name)) throw alreadyExists(semaphoreLimits, name);
    return write(call, name, limit);
  },
  async update(call) {
    const { name, limit } = await readGiven(call);
    if (name !== call.info.name) throw new StatusError("BadRequest", "metadata.name is not the name in the path");
    if (!(await find(call, name))) throw notFound(semaphoreLimits, name);
    return write(call, name, limit);
  },
  async delete(call) {
    const { info, records } = call;
    if (!(await find(call, info.name))) throw notFound(semaphoreLimits, info.name);
    if (!(await isDryRun(call))) await records.locks.removeLimit(`${info.namespace}/${info.name}`);
  },
};

async function find({ records, info }: RecordCall, name: string): Promise<SemaphoreLimit | undefined> {
  const full = `${info.namespace}/${name}`;
  const found = (await records.locks.limits(info.namespace)).find((limit) => limit.name === full);
  return found && objectOf(found.name, found.limit);
}

async function write(call: RecordCall, name: string, limit: number): Promise<SemaphoreLimit> {
  const full = `${call.info.namespace}/${name}`;
  if (!(await isDryRun(call))) await call.records.locks.setLimit(full, limit);
  return objectOf(full, limit);
}

async function readGiven({ request }: RecordCall): Promise<{ name: string; limit: number }> {
  const { value } = await readBody(request, semaphoreLimits.kind);
  const { metadata, spec } = (value ?? {}) as Partial<SemaphoreLimit>;
  const name = metadata?.name;
  if (typeof name !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name))
    throw new StatusError("Invalid", "metadata.name: at most 128 letters, digits, dots, dashes and underscores");
  const limit = spec?.limit;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 0 || limit > limitLimit)
    throw new StatusError("Invalid", `spec.limit: a whole number from 0 to ${limitLimit}`);
  return { name, limit };
}

function objectOf(full: string, limit: number): SemaphoreLimit {
  const at = full.indexOf("/");
  return {
    apiVersion: `${semaphoreLimits.group}/${semaphoreLimits.version}`,
    kind: semaphoreLimits.kind,
    metadata: { name: full.slice(at + 1), namespace: full.slice(0, at) },
    spec: { limit },
  };
}
