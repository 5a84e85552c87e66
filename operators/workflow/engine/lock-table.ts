// Who holds and who waits for which lock.
import { ExpressionError } from "../expressions/index.ts";
import type { LockOrder, LockTable, SharedLocks } from "./world.ts";

interface Lock {
  holders: Set<string>;
  limit: number;
  waiting: Map<string, LockOrder>;
}

/**
 * The locks of this operator, and before them those that others share: whoever holds locks of the table holds all that
 * it needs, so that nobody waits for one another in a circle.
 * @param wake is called with a holder that may get its locks now.
 */
export function createLockTable(wake: (holder: string) => void, shared?: SharedLocks): LockTable {
  const locks = new Map<string, Lock>();
  const held = new Map<string, string[]>();
  /** Wakes those who are next: all others have to wait for them anyway. */
  const wakeNext = (names: Iterable<string>) => {
    const next = new Set<string>();
    for (const name of names) for (const waiter of nextOf(locks.get(name))) next.add(waiter);
    for (const waiter of next) wake(waiter);
  };
  const table: LockTable = {
    acquire(holder, all, order) {
      if (held.has(holder)) return undefined;
      const asked = all.filter((request) => request.shared !== undefined);
      const requests = all.filter((request) => request.shared === undefined);
      if (asked.length > 0) {
        if (!shared)
          throw new ExpressionError(`synchronization: ${asked[0]?.name} needs a database, and there is none`);
        const wait = shared.acquire(holder, asked, order);
        if (wait) return wait;
      }
      for (const { name, limit } of requests) {
        const lock = locks.get(name) ?? { holders: new Set(), limit, waiting: new Map() };
        lock.limit = limit;
        locks.set(name, lock);
        lock.waiting.set(holder, order);
      }
      for (const request of requests) {
        const lock = locks.get(request.name) as Lock;
        if (!isNext(lock, holder, order)) {
          return { request, holders: [...lock.holders], limit: lock.limit };
        }
      }
      for (const { name } of requests) {
        const lock = locks.get(name) as Lock;
        lock.waiting.delete(holder);
        lock.holders.add(holder);
      }
      held.set(
        holder,
        all.map(({ name }) => name),
      );
      // Places that are left over are for those who have stood behind.
      wakeNext(requests.map(({ name }) => name));
      return undefined;
    },
    release(holder) {
      shared?.release(holder);
      if (locks.size === 0) {
        held.delete(holder);
        return;
      }
      const names = held.get(holder) ?? [];
      held.delete(holder);
      const changed: string[] = [];
      for (const [name, lock] of locks) {
        const left = [lock.holders.delete(holder), lock.waiting.delete(holder)].includes(true);
        if (lock.holders.size === 0 && lock.waiting.size === 0) locks.delete(name);
        else if (left || names.includes(name)) changed.push(name);
      }
      wakeNext(changed);
    },
    releaseAll(prefix) {
      const waiting = [...locks.values()].flatMap((lock) => [...lock.waiting.keys()]);
      const known = new Set([...held.keys(), ...waiting, ...(shared?.holders() ?? [])]);
      for (const holder of known) if (holder.startsWith(prefix)) table.release(holder);
    },
    look(prefix) {
      for (const [name, { waiting }] of locks) {
        if (name.startsWith(prefix)) for (const waiter of waiting.keys()) wake(waiter);
      }
    },
    holds: (holder) => held.has(holder),
    adopt(holder, names) {
      for (const name of names) {
        if (name.split("/")[1] === "Database") {
          shared?.adopt(holder);
          continue;
        }
        const lock = locks.get(name) ?? { holders: new Set(), limit: 1, waiting: new Map() };
        lock.holders.add(holder);
        locks.set(name, lock);
      }
      held.set(holder, names);
    },
  };
  return table;
}
const freeOf = ({ limit, holders }: Lock) => Math.max(0, limit - holders.size);

/** Whether a waiter's place is among those that are free. */
function isNext(lock: Lock, holder: string, order: LockOrder): boolean {
  let left = freeOf(lock);
  if (left === 0) return false;
  for (const other of lock.waiting) {
    if (other[0] !== holder && inOrder(other, [holder, order]) < 0 && --left === 0) return false;
  }
  return true;
}

function nextOf(lock: Lock | undefined): string[] {
  const free = lock ? freeOf(lock) : 0;
  if (!lock || free === 0 || lock.waiting.size === 0) return [];
  if (lock.waiting.size <= free) return [...lock.waiting.keys()];
  const sorted = [...lock.waiting].sort(inOrder);
  return sorted.slice(0, free).map(([holder]) => holder);
}

/** The higher priority, then the older, then by name. */
export function inOrder([a, x]: [string, LockOrder], [b, y]: [string, LockOrder]): number {
  return y.priority - x.priority || compare(x.createdAt, y.createdAt) || compare(a, b);
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
