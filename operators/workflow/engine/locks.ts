// synchronization: mutexes and semaphores, held by nodes and by whole workflows.
import type { Synchronization, SynchronizationStatus, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../expressions/index.ts";
import type { Run } from "./run.ts";
import type { LockOrder, LockRequest, LockTable } from "./world.ts";

/** Locks of one place, old and new form. Names are upstream's. @throws ExpressionError for a limit that is not there. */
export function locksOf(run: Run, synchronization: Synchronization | undefined): LockRequest[] {
  if (!synchronization) return [];
  const { mutex, mutexes = [], semaphore, semaphores = [] } = synchronization;
  const here = run.workflow.metadata.namespace ?? "";
  const requests: LockRequest[] = [];
  for (const { name, namespace } of [...(mutex ? [mutex] : []), ...mutexes]) {
    if (!name) throw new ExpressionError("synchronization.mutexes.name is required");
    requests.push({ name: `${namespace || here}/Mutex/${name}`, limit: 1 });
  }
  for (const { configMapKeyRef } of [...(semaphore ? [semaphore] : []), ...semaphores]) {
    if (!configMapKeyRef) throw new ExpressionError("synchronization.semaphores.configMapKeyRef is required");
    const { name = "", key } = configMapKeyRef;
    const limit = Number(run.world.configMap(name)?.data?.[key]);
    if (!Number.isInteger(limit))
      throw new ExpressionError(`semaphore: ConfigMap ${name} has no whole number at ${key}`);
    requests.push({ name: `${here}/ConfigMap/${name}/${key}`, limit });
  }
  return requests;
}

export function lockOrder(run: Run): LockOrder {
  return { priority: run.spec.priority ?? 0, createdAt: String(run.workflow.metadata.creationTimestamp ?? "") };
}

/** Takes a template's locks for its node; answers what it waits for. */
export function acquireLocks(run: Run, template: Template, id: string): { lock: string; message: string } | undefined {
  const requests = locksOf(run, template.synchronization);
  if (requests.length === 0) return undefined;
  const holder = `${run.workflow.metadata.namespace}/${run.name}/${id}`;
  const missing = run.world.locks.acquire(holder, requests, lockOrder(run));
  if (missing !== undefined) return { lock: missing, message: `Waiting for ${missing} lock` };
  noteHeld(run, holder, requests);
  return undefined;
}

/** Writes down who holds what, so that it holds after a restart. */
export function noteHeld(run: Run, holder: string, requests: LockRequest[]): void {
  run.status.synchronization ??= {};
  const { synchronization } = run.status;
  for (const { name } of requests) {
    if (name.includes("/Mutex/")) {
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

export function releaseLocks(run: Run, holder: string): void {
  if (!run.world.locks.holds(holder)) return;
  run.world.locks.release(holder);
  const { mutex, semaphore } = run.status.synchronization ?? {};
  if (mutex?.holding) mutex.holding = mutex.holding.filter((held) => held.holder !== holder);
  if (semaphore?.holding) {
    semaphore.holding = semaphore.holding
      .map((held) => ({ ...held, holders: held.holders.filter((one) => one !== holder) }))
      .filter(({ holders }) => holders.length > 0);
  }
  run.changed = true;
  run.pressing = true;
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

interface Lock {
  holders: Set<string>;
  limit: number;
  waiting: Map<string, LockOrder>;
}

/** @param wake is called with a holder that may get its locks now. */
export function createLockTable(wake: (holder: string) => void): LockTable {
  const locks = new Map<string, Lock>();
  const held = new Map<string, string[]>();
  const first = (lock: Lock) =>
    [...lock.waiting].sort(
      ([a, x], [b, y]) => y.priority - x.priority || compare(x.createdAt, y.createdAt) || compare(a, b),
    );
  const table: LockTable = {
    acquire(holder, requests, order) {
      if (held.has(holder)) return undefined;
      for (const { name, limit } of requests) {
        const lock = locks.get(name) ?? { holders: new Set(), limit, waiting: new Map() };
        lock.limit = limit;
        locks.set(name, lock);
        lock.waiting.set(holder, order);
      }
      for (const { name } of requests) {
        const lock = locks.get(name) as Lock;
        const free = lock.limit - lock.holders.size;
        if (
          !first(lock)
            .slice(0, Math.max(0, free))
            .some(([waiter]) => waiter === holder)
        )
          return name;
      }
      for (const { name } of requests) {
        const lock = locks.get(name) as Lock;
        lock.waiting.delete(holder);
        lock.holders.add(holder);
      }
      held.set(
        holder,
        requests.map(({ name }) => name),
      );
      return undefined;
    },
    release(holder) {
      if (locks.size === 0) return;
      const names = held.get(holder) ?? [];
      held.delete(holder);
      const woken = new Set<string>();
      for (const [name, lock] of locks) {
        const changed = lock.holders.delete(holder) || lock.waiting.delete(holder);
        if (changed || names.includes(name)) for (const [waiter] of first(lock)) woken.add(waiter);
        if (lock.holders.size === 0 && lock.waiting.size === 0) locks.delete(name);
      }
      for (const waiter of woken) wake(waiter);
    },
    releaseAll(prefix) {
      const waiting = [...locks.values()].flatMap((lock) => [...lock.waiting.keys()]);
      for (const holder of new Set([...held.keys(), ...waiting])) if (holder.startsWith(prefix)) table.release(holder);
    },
    holds: (holder) => held.has(holder),
    adopt(holder, names) {
      for (const name of names) {
        const lock = locks.get(name) ?? { holders: new Set(), limit: 1, waiting: new Map() };
        lock.holders.add(holder);
        locks.set(name, lock);
      }
      held.set(holder, names);
    },
  };
  return table;
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
