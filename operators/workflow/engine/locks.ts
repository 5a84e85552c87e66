// synchronization: mutexes and semaphores, held by nodes and by whole workflows.
import type { Synchronization, SynchronizationStatus, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../expressions/index.ts";
import type { Run } from "./run.ts";
import type { LockOrder, LockRequest, LockWait } from "./world.ts";

/**
 * Locks of one place, old and new form. Names are upstream's.
 * @throws ExpressionError for a limit that is not there, and for a lock that is asked for twice.
 */
export function locksOf(run: Run, synchronization: Synchronization | undefined): LockRequest[] {
  if (!synchronization) return [];
  const { mutex, mutexes = [], semaphore, semaphores = [] } = synchronization;
  const requests = [
    ...[...(mutex ? [mutex] : []), ...mutexes].map((one) => mutexOf(run, one)),
    ...[...(semaphore ? [semaphore] : []), ...semaphores].map((one) => semaphoreOf(run, one)),
  ];
  const names = requests.map(({ kind, name }) => `${kind} ${name}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new ExpressionError(`synchronization: ${twice} is asked for twice`);
  return requests;
}

type Mutex = NonNullable<Synchronization["mutex"]>;
type Semaphore = NonNullable<Synchronization["semaphore"]>;
const hereOf = (run: Run) => run.workflow.metadata.namespace ?? "";

function mutexOf(run: Run, { name, namespace, database }: Mutex): LockRequest {
  if (!name) throw new ExpressionError("synchronization.mutexes.name is required");
  const space = namespace || hereOf(run);
  if (database) return { kind: "mutex", name: `${space}/Database/${name}`, limit: 1, shared: `${space}/${name}` };
  return { kind: "mutex", name: `${space}/Mutex/${name}`, limit: 1 };
}

function semaphoreOf(run: Run, { configMapKeyRef, database, namespace }: Semaphore): LockRequest {
  const space = namespace || hereOf(run);
  if (configMapKeyRef && database) {
    throw new ExpressionError("synchronization.semaphores: configMapKeyRef and database exclude one another");
  }
  if (database) {
    if (!database.key) throw new ExpressionError("synchronization.semaphores.database.key is required");
    // The database says how many.
    const shared = `${space}/${database.key}`;
    return { kind: "semaphore", name: `${space}/Database/${database.key}`, limit: 0, shared };
  }
  if (!configMapKeyRef) throw new ExpressionError("synchronization.semaphores.configMapKeyRef is required");
  const { name = "", key } = configMapKeyRef;
  const limit = Number(run.world.configMap(name, space)?.data?.[key]);
  if (!Number.isInteger(limit)) {
    throw new ExpressionError(`semaphore: ConfigMap ${space}/${name} has no whole number at ${key}`);
  }
  return { kind: "semaphore", name: `${space}/ConfigMap/${name}/${key}`, limit };
}

export function lockOrder(run: Run): LockOrder {
  return { priority: run.spec.priority ?? 0, createdAt: String(run.workflow.metadata.creationTimestamp ?? "") };
}

/** Takes a template's locks for its node; answers what it waits for. */
export function acquireLocks(run: Run, template: Template, id: string): { lock: string; message: string } | undefined {
  const requests = locksOf(run, template.synchronization);
  if (requests.length === 0) return undefined;
  return takeLocks(run, `${hereOf(run)}/${run.name}/${id}`, requests);
}

/** Takes all locks for a holder or none, and writes down what came of it. */
export function takeLocks(
  run: Run,
  holder: string,
  requests: LockRequest[],
): { lock: string; message: string } | undefined {
  const wait = run.world.locks.acquire(holder, requests, lockOrder(run));
  if (!wait) {
    noteHeld(run, holder, requests);
    return undefined;
  }
  noteWaiting(run, wait);
  const { request, holders, limit } = wait;
  const free = Math.max(0, limit - holders.length);
  return { lock: request.name, message: `Waiting for ${request.name} lock. Lock status: ${free}/${limit}` };
}

/** Writes down who holds what, so that it holds after a restart. */
function noteHeld(run: Run, holder: string, requests: LockRequest[]): void {
  run.status.synchronization ??= {};
  const { synchronization } = run.status;
  for (const { kind, name } of requests) {
    forgetWaiting(run, kind, name);
    if (kind === "mutex") {
      synchronization.mutex ??= {};
      synchronization.mutex.holding ??= [];
      const { holding } = synchronization.mutex;
      if (holding.some((held) => held.mutex === name && held.holder === holder)) continue;
      holding.push({ mutex: name, holder });
    } else {
      synchronization.semaphore ??= {};
      synchronization.semaphore.holding ??= [];
      const { holding } = synchronization.semaphore;
      const known = holding.find(({ semaphore }) => semaphore === name);
      if (known?.holders.includes(holder)) continue;
      if (known) known.holders.push(holder);
      else holding.push({ semaphore: name, holders: [holder] });
    }
    run.changed = true;
    run.pressing = true;
  }
}

/** Writes down who has the lock that is waited for. */
function noteWaiting(run: Run, { request, holders }: LockWait): void {
  const { kind, name } = request;
  run.status.synchronization ??= {};
  const { synchronization } = run.status;
  if (kind === "mutex") {
    const [holder] = holders;
    if (holder === undefined) return;
    synchronization.mutex ??= {};
    const { waiting = [] } = synchronization.mutex;
    if (waiting.some((one) => one.mutex === name && one.holder === holder)) return;
    synchronization.mutex.waiting = [...waiting.filter((one) => one.mutex !== name), { mutex: name, holder }];
  } else {
    synchronization.semaphore ??= {};
    const { waiting = [] } = synchronization.semaphore;
    const known = waiting.find((one) => one.semaphore === name);
    if (known && JSON.stringify(known.holders) === JSON.stringify(holders)) return;
    const others = waiting.filter((one) => one.semaphore !== name);
    synchronization.semaphore.waiting = [...others, { semaphore: name, holders }];
  }
  run.changed = true;
}

function forgetWaiting(run: Run, kind: LockRequest["kind"], name: string): void {
  const { mutex, semaphore } = run.status.synchronization ?? {};
  if (kind === "mutex" && mutex?.waiting) mutex.waiting = mutex.waiting.filter((one) => one.mutex !== name);
  if (kind === "semaphore" && semaphore?.waiting) {
    semaphore.waiting = semaphore.waiting.filter((one) => one.semaphore !== name);
  }
}

export function releaseLocks(run: Run, holder: string): void {
  const held = run.world.locks.holds(holder);
  run.world.locks.release(holder);
  if (!held) return;
  const { mutex, semaphore } = run.status.synchronization ?? {};
  if (mutex?.holding) mutex.holding = mutex.holding.filter((one) => one.holder !== holder);
  if (semaphore?.holding) {
    semaphore.holding = semaphore.holding
      .map((one) => ({ ...one, holders: one.holders.filter((name) => name !== holder) }))
      .filter(({ holders }) => holders.length > 0);
  }
  run.changed = true;
  run.pressing = true;
}

/** Releases and forgets all that a workflow and its nodes hold and wait for. */
export function releaseAllLocks(run: Run, workflow: string): void {
  releaseLocks(run, workflow);
  for (const node of Object.values(run.nodes)) releaseLocks(run, `${workflow}/${node.id}`);
  run.world.locks.releaseAll(`${workflow}/`);
  const { mutex, semaphore } = run.status.synchronization ?? {};
  if (mutex) delete mutex.waiting;
  if (semaphore) delete semaphore.waiting;
}

/** Who held what when the status was written: holder → names. */
export function heldIn(status: SynchronizationStatus | undefined): Map<string, string[]> {
  const held = new Map<string, string[]>();
  const add = (holder: string, name: string) => held.set(holder, [...(held.get(holder) ?? []), name]);
  for (const { mutex, holder } of status?.mutex?.holding ?? []) add(holder, mutex);
  for (const { semaphore, holders } of status?.semaphore?.holding ?? [])
    for (const holder of holders) add(holder, semaphore);
  return held;
}
